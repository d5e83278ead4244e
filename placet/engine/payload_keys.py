"""The installation's payload keys: one that writes, others that still read (docs/adr/0027).

The file holds one key a line, 32 bytes in hexadecimal: the first one writes, those below it were replaced. Blank lines
and lines that begin with `#` say nothing.
"""

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from placet import files
from placet.errors import ConfigurationError

KEY_BYTES = 32  # AES-256
_KEY_ID_BYTES = 8
_INSTALLATION_BYTES = 4


@dataclass(frozen=True)
class PayloadKeys:
    """Secret keys, the writing one first. Nothing here is shown but what is derived one way from them."""

    keys: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse what is no set of keys."""
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise ConfigurationError(f"a payload key has {KEY_BYTES} bytes, and there must be one")

    @cached_property
    def by_id(self) -> dict[bytes, bytes]:
        """Every key by the id that payloads carry; the writing one is the first."""
        return {key_id(key): key for key in self.keys}

    @cached_property
    def installation(self) -> str:
        """Name this installation in 8 hexadecimal digits; it stays the same while its first key is kept in the file."""
        return _derived(self.keys[-1], b"placet installation", _INSTALLATION_BYTES)

    @property
    def task_queue(self) -> str:
        """Task queue of this installation: workers of another one, with other keys, never take its runs."""
        return f"placet-{self.installation}"

    def __repr__(self) -> str:
        return f"PayloadKeys({len(self.keys)} keys of installation {self.installation})"


def key_id(key: bytes) -> bytes:
    """Return the id that a payload says it was sealed with; it tells nothing about the key."""
    return _derived(key, b"placet payload key id", _KEY_ID_BYTES).encode()


def load_or_create_key(path: Path) -> PayloadKeys:
    """Load the installation's payload keys; one is created where there is none, with mode 0600.

    Raises:
        ConfigurationError: the file holds something else, is readable by others, or cannot be read or written.
    """
    try:
        if not path.exists():
            files.make_folders(path.parent)
            files.write_once(path, secrets.token_hex(KEY_BYTES) + "\n")  # whoever comes first wins: never overwritten
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot use payload key file {str(path)!r}: {error}") from error
    return load_key(path)


def load_key(path: Path) -> PayloadKeys:
    """Load the installation's payload keys.

    Raises:
        ConfigurationError: there is no such file, it holds something else, is readable by others, or cannot be read.
    """
    try:
        lines = [line.strip() for line in files.read_secret(path).decode().splitlines()]
        keys = tuple(bytes.fromhex(line) for line in lines if line and not line.startswith("#"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no payload key file {str(path)!r}, without which no history can be read; give that of the "
            "installation whose runs they are: PLACET_HOME or PLACET_PAYLOAD_KEY_FILE"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot use payload key file {str(path)!r}: {error}") from error
    try:
        return PayloadKeys(keys)
    except ConfigurationError as error:
        raise ConfigurationError(f"payload key file {str(path)!r}: {error}") from error


def _derived(key: bytes, label: bytes, length: int) -> str:
    return HKDF(SHA256(), length, salt=None, info=label).derive(key).hex()
