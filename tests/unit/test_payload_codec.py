"""What Temporal stores of a run is ciphertext (promise 7); foreign payloads pass and are verified elsewhere."""

import asyncio
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

from placet.engine.payload_codec import ENCODING, PayloadEncryption, load_or_create_key
from placet.errors import ConfigurationError

KEY = bytes(range(32))
CODEC = PayloadEncryption(KEY)


@given(data=st.binary(max_size=2000))
def test_what_goes_in_comes_out_and_is_not_readable_between(data: bytes) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    sealed = asyncio.run(CODEC.encode([payload]))[0]
    assert sealed.metadata == {"encoding": ENCODING}
    assert len(data) < 8 or data not in sealed.data
    assert asyncio.run(CODEC.decode([sealed])) == [payload]


def test_a_payload_we_did_not_encrypt_passes_through() -> None:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b"{}")
    assert asyncio.run(CODEC.decode([plain])) == [plain]


def test_another_key_opens_nothing_and_says_so() -> None:
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret")]))
    with pytest.raises(ConfigurationError, match="another key"):
        asyncio.run(PayloadEncryption(bytes(32)).decode(sealed))


@given(position=st.integers(0, 40), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, flip: int) -> None:
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret figures")]))[0]
    position %= len(sealed.data)
    bent = bytearray(sealed.data)
    bent[position] ^= flip
    with pytest.raises(ConfigurationError):
        asyncio.run(CODEC.decode([Payload(metadata=sealed.metadata, data=bytes(bent))]))


def test_a_small_ciphertext_cannot_unpack_to_something_enormous() -> None:
    bomb = b"\x01" + zlib.compress(bytes(20_000_000))
    nonce = bytes(12)
    sealed = Payload(metadata={"encoding": ENCODING}, data=nonce + AESGCM(KEY).encrypt(nonce, bomb, ENCODING))
    with pytest.raises(ConfigurationError, match="unpacks to more than"):
        asyncio.run(CODEC.decode([sealed]))


def test_the_installation_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "home" / "payload.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["payload.key"]


@pytest.mark.parametrize("content", ["", "zz", "00" * 16])
def test_a_malformed_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "payload.key"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"payload\.key"):
        load_or_create_key(path)
