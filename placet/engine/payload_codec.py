"""Payloads in workflow history: compressed with a dictionary (zlib, RFC 1950), then encrypted (AES-256-GCM).

Temporal sees only ciphertext, and nothing that it brings is believed unless it was sealed under one of the
installation's keys for this very workflow (docs/adr/0027): whoever reaches Temporal may write there what they like.
What was not sealed reaches a signal's handler, marked as foreign, and nobody else. A decision sent with the plain
`temporal` command arrives so: what it carries is signed, and verified like any other.
"""

import secrets
import zlib
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from placet.contracts.text import shortened
from placet.engine import payload_dictionary
from placet.engine.payload_keys import PayloadKeys
from placet.errors import ConfigurationError

ENCODING = b"binary/placet-aes256gcm"
KEY_ID = "placet-key"
"""Metadata of a sealed payload: which key it was sealed with."""

FOREIGN = b"binary/placet-foreign"
"""Encoding under which a worker hands on what was not sealed; no converter takes it for a value."""

FOREIGN_ENCODING = "placet-encoding"
"""Metadata of a foreign payload: the encoding it came in."""

UNREADABLE = Payload(metadata={"encoding": b"binary/unreadable"})
"""Stands for a payload that claims to be sealed and cannot be opened."""

NOT_SEALED_FOR_IT = "not_sealed_for_it"
"""Code of the error about a payload that was altered, or sealed for another workflow."""

_NONCE_BYTES = 12
# The first byte of what is encrypted says how the rest is packed. Earlier versions wrote `_ZLIB`.
_AS_IT_IS, _ZLIB, _ZLIB_WITH_DICTIONARY = b"\x00", b"\x01", b"\x02"
# Below this the zlib header costs more than it saves.
_COMPRESS_FROM_BYTES = 64
# A compressor that has read the dictionary, to be copied: reading it anew costs more than all the rest. A window of
# 8 KB holds the dictionary and a proposal; with the default one the copy would cost as much again.
_COMPRESSOR = zlib.compressobj(6, zlib.DEFLATED, 13, 5, zlib.Z_DEFAULT_STRATEGY, payload_dictionary.VERSION_1)
# A signal can come from anyone; a small ciphertext may not unpack to something enormous.
_MAX_PLAIN_BYTES = 8 * 1024 * 1024


class PayloadEncryption(PayloadCodec, WithSerializationContext):
    """Seals payloads for one workflow, and opens what was sealed for it.

    Args:
        keys: The first one writes, all of them read.
        mark: Hand on what cannot be opened as `FOREIGN` or `UNREADABLE` instead of raising. A worker's workflows need
            it: anyone may signal anything, and that must not stop the run.
    """

    def __init__(self, keys: PayloadKeys, *, mark: bool = False) -> None:
        self._ciphers: Mapping[bytes, AESGCM] = {name: AESGCM(key) for name, key in keys.by_id.items()}
        self._writing = next(iter(self._ciphers))
        self._mark = mark
        self._workflow: bytes | None = None

    def with_context(self, context: SerializationContext) -> "PayloadEncryption":
        """Return the codec of one workflow. What an activity is given must be sealed, whoever asks for it."""
        bound = object.__new__(PayloadEncryption)
        bound._ciphers, bound._writing = self._ciphers, self._writing
        bound._mark = self._mark and not isinstance(context, ActivitySerializationContext)
        bound._workflow = None
        if isinstance(context, ActivitySerializationContext | WorkflowSerializationContext):
            bound._workflow = (context.workflow_id or "").encode()
        return bound

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seal.

        Raises:
            ConfigurationError: it is not said for which workflow.
        """
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open.

        Raises:
            ConfigurationError: a payload was not sealed by this installation for this workflow, and none are marked.
        """
        return [self._opened(payload) for payload in payloads]

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            if self._mark:
                return _foreign(payload)
            raise ConfigurationError("a payload in Temporal was not sealed by this installation; it is refused")
        try:
            return self._decrypt(payload)
        except ConfigurationError:
            if self._mark:
                return UNREADABLE
            raise

    def _sealed(self, payload: Payload) -> Payload:
        plain = payload.SerializeToString()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._writing].encrypt(nonce, _packed(plain), self._purpose(self._writing))
        return Payload(metadata={"encoding": ENCODING, KEY_ID: self._writing}, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        name = payload.metadata.get(KEY_ID, b"")
        cipher = self._ciphers.get(name)
        if cipher is None:
            shown = shortened(name.decode("ascii", "replace"), 32)
            raise ConfigurationError(f"a payload was sealed with another key, {shown!r}; check PLACET_PAYLOAD_KEY_FILE")
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            packed = cipher.decrypt(nonce, sealed, self._purpose(name))
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                "a payload was altered, or sealed for another workflow", code=NOT_SEALED_FOR_IT
            ) from error
        return Payload.FromString(_unpacked(packed))

    def _purpose(self, name: bytes) -> bytes:
        """Return what a ciphertext is bound to: this use, its key, its workflow."""
        if self._workflow is None:
            raise ConfigurationError("nothing is sealed or opened without a workflow that it belongs to")
        return b"\x00".join((ENCODING, name, self._workflow))


def _foreign(payload: Payload) -> Payload:
    was = payload.metadata.get("encoding", b"")
    return Payload(metadata={"encoding": FOREIGN, FOREIGN_ENCODING: was}, data=payload.data)


def _packed(plain: bytes) -> bytes:
    if len(plain) < _COMPRESS_FROM_BYTES:
        return _AS_IT_IS + plain
    compressor = _COMPRESSOR.copy()
    return _ZLIB_WITH_DICTIONARY + compressor.compress(plain) + compressor.flush()


def _unpacked(packed: bytes) -> bytes:
    way = packed[:1]
    if way == _ZLIB_WITH_DICTIONARY:
        unpacker = zlib.decompressobj(zdict=payload_dictionary.VERSION_1)
    elif way == _ZLIB:
        unpacker = zlib.decompressobj()
    else:
        return packed[1:]
    try:
        plain = unpacker.decompress(packed[1:], _MAX_PLAIN_BYTES)
    except zlib.error as error:
        raise ConfigurationError(f"a payload cannot be unpacked: {error}", code=NOT_SEALED_FOR_IT) from error
    if unpacker.unconsumed_tail:
        raise ConfigurationError(f"a payload unpacks to more than {_MAX_PLAIN_BYTES} bytes")
    return plain
