"""The administrators an installation trusts, pinned in a file outside the database it distrusts (docs/adr/0016).

One line each: the base64 public key, the tenant, the name; of a passkey also its credential, as the base64 of its JSON
(docs/adr/0037). `placet keys bootstrap` and the console's `/console/setup` write it; lines that begin with `#` are
comments.
Whoever can write the file can make themselves an administrator, so that only its owner may.
"""

import base64
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.people.passkey import Passkey
from placet.errors import ConfigurationError
from placet.files import make_folders, read_given, write_file
from placet.governance.signing.assertions import check_passkey
from placet.governance.signing.canonical import canonical_bytes
from placet.governance.signing.keys import key_id_of, parse_public_key

_LARGEST = 65_536
_OTHERS_WRITE = 0o022
_FIELDS = 3
_FIELDS_OF_PASSKEY = 4

_Version = tuple[int, int, int, int, int]


class PinnedKey(NamedTuple):
    """A key that makes an administrator. `passkey` is its credential, where it is one: both are pinned."""

    public_key: bytes
    passkey: Passkey | None = None


@dataclass(frozen=True, slots=True)
class Pins:
    """What the file says.

    Attributes:
        keys: Public keys by tenant and key id.
        fault: Why it says nothing, as a line for a person; None where it could be read.
    """

    keys: dict[str, dict[str, PinnedKey]] = field(default_factory=dict)
    fault: str | None = None


class AdministratorsFile:
    """Reads the pinned keys again whenever the file has changed. Threads may share it.

    Args:
        path: The file; None pins nobody.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._read: tuple[_Version | None, Pins] = (None, Pins(fault="no administrators file is configured"))

    def pins(self) -> Pins:
        """Return the pinned keys. A file that cannot be trusted pins nobody; the same object while it is unchanged."""
        if self.path is None:
            return self._read[1]
        try:
            found: _Version | None = _version(self.path.stat())
        except OSError:
            found = None
        if self._read[0] is None or self._read[0] != found:
            self._read = _load(self.path)
        return self._read[1]

    def names_nobody(self, tenant: str) -> bool:
        """Return whether nobody is pinned for a tenant; False as well where the file is there and cannot be trusted."""
        pins = self.pins()
        if pins.fault is not None and self.path is not None and self.path.exists():
            return False
        return not pins.keys.get(tenant)

    def add(self, tenant: str, name: str, public_key: bytes, passkey: Passkey | None = None) -> None:
        """Pin one more key; the same again changes nothing.

        Raises:
            ConfigurationError: the file cannot be read or written.
        """
        if self.path is None:
            raise ConfigurationError("no administrators file is configured; set PLACET_ADMINISTRATORS_FILE")
        if key_id_of(public_key) in self.pins().keys.get(tenant, {}):
            return
        fault = self.pins().fault
        try:
            before = read_given(self.path, "administrators file") if self.path.exists() else ""
            if fault is not None and before:
                raise ConfigurationError(fault)
            make_folders(self.path.parent)
            credential = "" if passkey is None else f" {base64.b64encode(canonical_bytes(passkey)).decode()}"
            line = f"{base64.b64encode(public_key).decode()} {tenant} {name}{credential}\n"
            write_file(self.path, f"{before}\n{line}" if before and not before.endswith("\n") else before + line)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot write administrators file {str(self.path)!r}: {error}") from error


def _load(path: Path) -> tuple[_Version | None, Pins]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            version = _version(found)
            data = file.read(_LARGEST + 1)
    except OSError as error:
        return None, Pins(fault=f"cannot read administrators file {str(path)!r}: {error.strerror}")
    try:
        _check_owner(path, found)
        return version, Pins(_parse(path, data))
    except ConfigurationError as error:
        return version, Pins(fault=str(error))


def _check_owner(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"administrators file {str(path)!r} is not a regular file")
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise ConfigurationError(f"administrators file {str(path)!r} has mode {mode:04o}; run chmod 600 on it")
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigurationError(f"administrators file {str(path)!r} belongs to user {found.st_uid}, not to this one")


def _parse(path: Path, data: bytes) -> dict[str, dict[str, PinnedKey]]:
    if len(data) > _LARGEST:
        raise ConfigurationError(f"administrators file {str(path)!r} is larger than {_LARGEST} bytes")
    keys: dict[str, dict[str, PinnedKey]] = {}
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) not in (_FIELDS, _FIELDS_OF_PASSKEY):
            raise ConfigurationError(f"line {number} of {str(path)!r} is not 'KEY TENANT NAME'; nobody is trusted")
        try:
            pinned = _pinned(*words[:1], *words[_FIELDS:])
        except ConfigurationError as error:
            raise ConfigurationError(f"line {number} of {str(path)!r}: {error}; nobody is trusted") from error
        keys.setdefault(words[1], {})[key_id_of(pinned.public_key)] = pinned
    return keys


def _pinned(public_key: str, credential: str | None = None) -> PinnedKey:
    if credential is None:
        return PinnedKey(parse_public_key(public_key))
    try:
        raw = base64.b64decode(public_key, validate=True)
        passkey = Passkey.model_validate_json(base64.b64decode(credential, validate=True))
        check_passkey(raw, passkey)
    except ValidationError as error:
        raise ConfigurationError(f"not a passkey: {first_fault(error)}") from error
    except ValueError as error:
        raise ConfigurationError(f"not a passkey: {error}") from error
    return PinnedKey(raw, passkey)


def _version(found: os.stat_result) -> _Version:
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid
