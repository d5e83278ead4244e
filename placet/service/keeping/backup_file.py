"""The file of a backup: gzip over lines of JSON, covered by a digest that the log key signs.

The first line says what it is, then for each table a line with its name and columns and a line for each row, then how
many rows each table has, where each tenant's log stood, and the keys where they were asked for. The last line is a
signed note (C2SP) over the SHA-256 of all lines before it: a file that was cut, changed or made by somebody else is
refused before anything is restored.
"""

import base64
import gzip
import hashlib
import json
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from placet.errors import ConfigurationError, GovernanceError, UsageError
from placet.files import open_given

VERSION = 1
MALFORMED = "backup_malformed"
_MOST_LINE_BYTES = 256 * 1024 * 1024
_SCRYPT = {"length": 32, "n": 2**15, "r": 8, "p": 1}
_PURPOSE = b"placet backup keys"

Line = Any


class BackupWriter:
    """Writes lines and keeps their digest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._packed = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0)
        self._digest = hashlib.sha256()

    def write(self, line: Line) -> None:
        """Write one line."""
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self._digest.update(data)
        self._packed.write(data)

    def close(self, sign: Callable[[str], str]) -> str:
        """Sign what was written and end the file; returns the digest."""
        digest = self._digest.hexdigest()
        self._packed.write(json.dumps({"signed": sign(_text(digest))}).encode() + b"\n")
        self._packed.close()
        return digest


def read_lines(path: Path, verified: str | None = None) -> Iterator[Line]:
    """Yield the lines of a backup, without its signature.

    Args:
        path: The file.
        verified: The digest that `verify_file` found, where the lines are to be those: the file may be another by now.

    Raises:
        ConfigurationError: the file cannot be read.
        UsageError: code `backup_malformed`; it is no backup.
        GovernanceError: after the last line; they were not those that were verified.
    """
    digest = hashlib.sha256()
    for line, data in _lines(path):
        if not (isinstance(line, dict) and "signed" in line):
            digest.update(data)
            yield line
    if verified is not None and digest.hexdigest() != verified:
        raise GovernanceError(f"backup {str(path)!r} was changed while it was read", code=MALFORMED)


def verify_file(path: Path, opened: Callable[[str], str]) -> tuple[Mapping[str, Any], Mapping[str, Any], str]:
    """Verify the digest and signature of a whole backup; returns its first line, its summary and its digest.

    Args:
        path: The file.
        opened: Verifies a signed note and returns its text; it decides whose signature counts.

    Raises:
        ConfigurationError: the file cannot be read.
        UsageError: code `backup_malformed`; it is no backup, or its end is missing.
        GovernanceError: it was changed, or nobody trusted signed it.
    """
    digest, first, summary, note = hashlib.sha256(), None, None, None
    for line, data in _lines(path):
        if note is not None:
            _refuse(path, "something follows its signature")
        if isinstance(line, dict) and "signed" in line:
            note = str(line["signed"])
            continue
        digest.update(data)
        first = line if first is None else first
        summary = line.get("summary", summary) if isinstance(line, dict) else summary
    if not isinstance(first, dict) or first.get("placet_backup") != VERSION:
        _refuse(path, f"it does not begin as a backup of version {VERSION}")
    if note is None or not isinstance(summary, dict):
        _refuse(path, "its end is missing: it was cut off, or is still being written")
    if opened(note) != _text(digest.hexdigest()):
        raise GovernanceError(f"backup {str(path)!r} was changed: its digest is not the one signed", code=MALFORMED)
    return first, summary, digest.hexdigest()


def summary_of(path: Path) -> Mapping[str, Any]:
    """Return the summary of a backup that is not verified yet: good for finding its keys.

    Raises:
        ConfigurationError: the file cannot be read.
        UsageError: code `backup_malformed`.
    """
    for line in read_lines(path):
        if isinstance(line, dict) and isinstance(line.get("summary"), dict):
            return dict(line["summary"])
    return _refuse(path, "its end is missing: it was cut off, or is still being written")


def seal_keys(keys: Mapping[str, bytes], passphrase: str) -> dict[str, str]:
    """Encrypt key files under a passphrase (scrypt, AES-256-GCM).

    Raises:
        ConfigurationError: the passphrase is empty.
    """
    if not passphrase:
        raise ConfigurationError("the passphrase is empty; keys in a backup are always encrypted")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    plain = json.dumps({name: base64.b64encode(data).decode() for name, data in keys.items()}).encode()
    box = AESGCM(Scrypt(salt=salt, **_SCRYPT).derive(passphrase.encode())).encrypt(nonce, plain, _PURPOSE)
    return {name: base64.b64encode(part).decode() for name, part in (("salt", salt), ("nonce", nonce), ("box", box))}


def open_keys(sealed: Mapping[str, str], passphrase: str) -> dict[str, bytes]:
    """Decrypt what `seal_keys` made.

    Raises:
        ConfigurationError: the passphrase is wrong, or the box was damaged.
    """
    try:
        salt, nonce, box = (base64.b64decode(sealed[name], validate=True) for name in ("salt", "nonce", "box"))
        plain = AESGCM(Scrypt(salt=salt, **_SCRYPT).derive(passphrase.encode())).decrypt(nonce, box, _PURPOSE)
    except (InvalidTag, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            "the keys in the backup do not open: wrong passphrase, or damaged; give the passphrase that was given to "
            "`placet backup --with-keys`, or take another copy of the file"
        ) from error
    return {name: base64.b64decode(data) for name, data in json.loads(plain).items()}


def _lines(path: Path) -> Iterator[tuple[Line, bytes]]:
    started = False
    try:
        with open_given(path, "backup") as packed, gzip.open(packed, "rb") as file:
            while data := file.readline(_MOST_LINE_BYTES):
                yield json.loads(data), data
                started = True
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, RecursionError) as error:
        if isinstance(error, gzip.BadGzipFile) and not started:
            said = f"{str(path)!r} is no backup: it does not read as gzip; name a file that `placet backup` wrote"
            raise UsageError(said, code=MALFORMED) from error
        raise UsageError(
            f"{str(path)!r} is not a whole backup: {error}; take another copy of it", code=MALFORMED
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read backup {str(path)!r}: {error.strerror or error}") from error


def _text(digest: str) -> str:
    return f"placet backup\n{digest}\n"


def _refuse(path: Path, why: str) -> NoReturn:
    raise UsageError(f"{str(path)!r} is not a whole backup: {why}", code=MALFORMED)
