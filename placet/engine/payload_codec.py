"""Payloads in workflow history: compressed (zlib, RFC 1950), then encrypted (AES-256-GCM, NIST SP 800-38D).

Temporal sees only ciphertext. A payload that was not encrypted by us (a decision sent with the plain `temporal`
command) passes through as it is: what it carries is signed, not secret, and is verified like any other.
"""

import secrets
import zlib
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from placet import files
from placet.errors import ConfigurationError

ENCODING = b"binary/placet-aes256gcm"
_NONCE_BYTES = 12
# Below this the zlib header costs more than it saves.
_COMPRESS_FROM_BYTES = 128
# A signal can come from anyone; a small ciphertext may not unpack to something enormous.
_MAX_PLAIN_BYTES = 8 * 1024 * 1024


UNREADABLE = Payload(metadata={"encoding": b"binary/unreadable"})
"""Stands for a payload that could not be decrypted: no converter takes it for anything."""


class PayloadEncryption(PayloadCodec):
    """Encrypts every payload with one key. The associated data binds a ciphertext to this use.

    Args:
        key: 32 bytes.
        mark_unreadable: Hand on what cannot be decrypted as `UNREADABLE` instead of raising. A worker needs it: anyone
            may signal a payload that only claims to be encrypted, and that must not stop the run.
    """

    def __init__(self, key: bytes, *, mark_unreadable: bool = False) -> None:
        self._aead = AESGCM(key)
        self._mark_unreadable = mark_unreadable

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what we encrypted; leave the rest."""
        return [self._opened(p) if p.metadata.get("encoding") == ENCODING else p for p in payloads]

    def _opened(self, payload: Payload) -> Payload:
        try:
            return self._decrypt(payload)
        except ConfigurationError:
            if not self._mark_unreadable:
                raise
            return UNREADABLE

    def _encrypt(self, payload: Payload) -> Payload:
        plain = payload.SerializeToString()
        packed = b"\x01" + zlib.compress(plain, 6) if len(plain) >= _COMPRESS_FROM_BYTES else b"\x00" + plain
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return Payload(metadata={"encoding": ENCODING}, data=nonce + self._aead.encrypt(nonce, packed, ENCODING))

    def _decrypt(self, payload: Payload) -> Payload:
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            packed = self._aead.decrypt(nonce, sealed, ENCODING)
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                "a payload was encrypted with another key; check PLACET_PAYLOAD_KEY_FILE"
            ) from error
        return Payload.FromString(_unpacked(packed))


def _unpacked(packed: bytes) -> bytes:
    if packed[:1] != b"\x01":
        return packed[1:]
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(packed[1:], _MAX_PLAIN_BYTES)
    if unpacker.unconsumed_tail:
        raise ConfigurationError(f"a payload unpacks to more than {_MAX_PLAIN_BYTES} bytes")
    return plain


def load_or_create_key(path: Path) -> bytes:
    """The installation's payload key: 32 bytes in hexadecimal, created once with mode 0600.

    Raises:
        ConfigurationError: the file holds something else, is readable by others, or cannot be read or written.
    """
    try:
        if not path.exists():
            files.make_folders(path.parent)
            files.write_once(path, secrets.token_hex(32) + "\n")  # whoever comes first wins: never overwritten
        key = bytes.fromhex(files.read_secret(path).decode().strip())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot use payload key file {str(path)!r}: {error}") from error
    if len(key) != 32:  # noqa: PLR2004 - AES-256
        raise ConfigurationError(f"payload key file {str(path)!r} holds {len(key)} bytes; 32 are needed")
    return key
