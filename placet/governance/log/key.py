"""The installation's log key: signs checkpoints, in a worker, where nobody can be asked for a passphrase.

The private half is PKCS #8 in PEM, unencrypted, mode 0600 (docs/adr/0006). Public halves lie beside it: the key's own
as `<file>.pub`, and those of keys that were replaced as `<stem>-retired-<anything>.pub`: what they signed still counts.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet import files
from placet.errors import ConfigurationError
from placet.governance.log.checkpoints import origin_of
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.notes import VerifierKey
from placet.governance.signing.keys import SigningKey, load_key_file, parse_public_key, public_bytes

_VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Who signs the logs of this installation.

    Attributes:
        log_name: Name of the installation; a tenant's log is `<log_name>/<tenant>`.
        key: The key in use.
        trusted: Public keys whose checkpoints count: the one in use and the retired ones.
        heads: Where the heads that were signed last are kept; None where nothing is signed for longer than a test.
    """

    log_name: str
    key: SigningKey
    trusted: tuple[bytes, ...]
    heads: KeptHeads | None = None

    def origin(self, tenant: str) -> str:
        """Return the origin of a tenant's log."""
        return origin_of(self.log_name, tenant)

    def verifiers(self, tenant: str) -> list[VerifierKey]:
        """Return the keys whose signature under a checkpoint of `tenant` counts."""
        return [VerifierKey(self.origin(tenant), key) for key in self.trusted]


class TrustedLog:
    """Whose signatures count as this installation's; its files are read again when they change. Threads may share it.

    Args:
        log_name: Name of the installation.
        key_file: Its log key; the public half beside it is enough, and so are those of retired keys.
    """

    def __init__(self, log_name: str, key_file: Path) -> None:
        self._log_name, self._key_file = log_name, key_file
        self._read: tuple[object, tuple[bytes, ...]] = (None, ())

    def origin(self, tenant: str) -> str:
        """Return the name of a tenant's log."""
        return origin_of(self._log_name, tenant)

    def trusted(self) -> tuple[bytes, ...]:
        """Return the keys whose signatures count; none where they cannot be read."""
        seen = tuple(_seen(path) for path in (self._key_file.parent, self._key_file, _public_half(self._key_file)))
        if self._read[0] != seen:
            try:
                self._read = (seen, read_trusted_keys(self._key_file))
            except ConfigurationError:
                self._read = (seen, ())
        return self._read[1]


def _seen(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def load_or_create_log_identity(log_name: str, key_file: Path, heads: Path | None = None) -> LogIdentity:
    """Load the installation's log key, or create it the first time.

    `heads` is the folder in which the last signed heads are kept.

    Raises:
        ConfigurationError: the file holds something else, is readable by others, or cannot be read or written.
    """
    if not key_file.exists():
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            files.make_folders(key_file.parent)
            files.write_once(key_file, pem)
            # From the file: another process may have been first.
            public = public_bytes(load_key_file(key_file, "").private.public_key())
            files.write_once(_public_half(key_file), base64.b64encode(public) + b"\n")
        except OSError as error:
            raise ConfigurationError(f"cannot write log key file {str(key_file)!r}: {error.strerror}") from error
    key = load_key_file(key_file, "")
    trusted = read_trusted_keys(key_file)
    if trusted[0] != public_bytes(key.private.public_key()):
        raise ConfigurationError(
            f"{str(_public_half(key_file))!r} is not the public half of {str(key_file)!r}; "
            "remove it, or keep it as a retired key's"
        )
    return LogIdentity(log_name, key, trusted, None if heads is None else KeptHeads(heads))


def read_trusted_keys(key_file: Path) -> tuple[bytes, ...]:
    """Read the public keys of `key_file` and of the retired ones beside it.

    The key's own is in its `.pub` file, or derived where that is missing.

    Empty when there are none.

    Raises:
        ConfigurationError: one of the files is not a key.
    """
    own = _public_half(key_file)
    trusted = []
    if own.exists():
        trusted.append(read_public_key(own))
    elif key_file.exists():
        trusted.append(public_bytes(load_key_file(key_file, "").private.public_key()))
    retired = sorted(key_file.parent.glob(f"{key_file.stem}-retired-*.pub"))
    return (*trusted, *(read_public_key(path) for path in retired))


def read_public_key(path: Path) -> bytes:
    """Read a public key file.

    Raises:
        ConfigurationError: it cannot be read, or is not one.
    """
    return parse_public_key(_read(path))


def verifiers_for(origin: str, keys: Iterable[str]) -> Sequence[VerifierKey]:
    """Read the keys that a person gives to verify a log with.

    Each is a vkey, or a file with a vkey or a base64 public key.

    A bare public key is trusted for the log called `origin`, a vkey for the log it names.

    Raises:
        ConfigurationError: one of `keys` is none of these.
    """
    return [_verifier(origin, key) for key in keys]


def _verifier(origin: str, key: str) -> VerifierKey:
    text = (key if _VKEY.fullmatch(key) else _read(Path(key))).strip()
    return VerifierKey.parse(text) if _VKEY.fullmatch(text) else VerifierKey(origin, parse_public_key(text))


def _public_half(key_file: Path) -> Path:
    return key_file.with_name(key_file.name + ".pub")


def _read(path: Path) -> str:
    return files.read_given(path, "public key file")
