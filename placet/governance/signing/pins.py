"""The administrators an installation trusts, pinned in a file outside the database it distrusts (docs/adr/0016).

One line each: the base64 public key, the tenant, the name. `placet keys bootstrap` writes it; lines that begin with `#`
are comments. Whoever can write the file can make themselves an administrator, so that only its owner may.
"""

import base64
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from placet.errors import ConfigurationError
from placet.files import make_folders, read_given, write_file
from placet.governance.signing.keys import key_id_of, parse_public_key

_LARGEST = 65_536
_OTHERS_WRITE = 0o022
_FIELDS = 3

_Version = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Pins:
    """What the file says.

    Attributes:
        keys: Public keys by tenant and key id.
        fault: Why it says nothing, as a line for a person; None where it could be read.
    """

    keys: dict[str, dict[str, bytes]] = field(default_factory=dict)
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

    def add(self, tenant: str, name: str, public_key: bytes) -> None:
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
            line = f"{base64.b64encode(public_key).decode()} {tenant} {name}\n"
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


def _parse(path: Path, data: bytes) -> dict[str, dict[str, bytes]]:
    if len(data) > _LARGEST:
        raise ConfigurationError(f"administrators file {str(path)!r} is larger than {_LARGEST} bytes")
    keys: dict[str, dict[str, bytes]] = {}
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != _FIELDS:
            raise ConfigurationError(f"line {number} of {str(path)!r} is not 'KEY TENANT NAME'; nobody is trusted")
        try:
            raw = parse_public_key(words[0])
        except ConfigurationError as error:
            raise ConfigurationError(f"line {number} of {str(path)!r}: {error}; nobody is trusted") from error
        keys.setdefault(words[1], {})[key_id_of(raw)] = raw
    return keys


def _version(found: os.stat_result) -> _Version:
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid
