"""What Temporal stores of a run is ciphertext (promise 7); foreign payloads pass and are verified elsewhere."""

import asyncio
import hashlib
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext

from placet.engine import payload_dictionary
from placet.engine.payload_codec import ENCODING, FOREIGN, KEY_ID, UNREADABLE, PayloadEncryption
from placet.engine.payload_keys import PayloadKeys, key_id, load_or_create_key
from placet.errors import ConfigurationError

KEY = bytes(range(32))
RUN = WorkflowSerializationContext(namespace="default", workflow_id="run-1")
CODEC = PayloadEncryption(PayloadKeys((KEY,))).with_context(RUN)


def in_activity(workflow_id: str) -> ActivitySerializationContext:
    """What the SDK says of an activity that a workflow asks for."""
    return ActivitySerializationContext(
        namespace="default",
        activity_id="1",
        activity_type="close_run",
        activity_task_queue="placet",
        workflow_id=workflow_id,
        workflow_type="GovernedRun",
        is_local=False,
    )


@given(data=st.binary(max_size=2000))
def test_what_goes_in_comes_out_and_is_not_readable_between(data: bytes) -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    sealed = asyncio.run(CODEC.encode([payload]))[0]
    assert sealed.metadata == {"encoding": ENCODING, KEY_ID: key_id(KEY)}
    assert len(data) < 8 or data not in sealed.data
    assert asyncio.run(CODEC.decode([sealed])) == [payload]


def test_what_we_did_not_seal_is_no_value_anywhere() -> None:
    plain = Payload(metadata={"encoding": b"json/plain", "placet-encoding": b"json/plain"}, data=b"{}")
    with pytest.raises(ConfigurationError, match="not sealed by this installation"):
        asyncio.run(CODEC.decode([plain]))
    marking = PayloadEncryption(PayloadKeys((KEY,)), mark=True)
    (marked,) = asyncio.run(marking.with_context(RUN).decode([plain]))
    assert (marked.metadata["encoding"], marked.metadata["placet-encoding"]) == (FOREIGN, b"json/plain")
    with pytest.raises(ConfigurationError, match="not sealed by this installation"):
        asyncio.run(marking.with_context(in_activity("run-1")).decode([plain]))


def test_what_was_sealed_for_one_workflow_is_nothing_in_another() -> None:
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret")]))
    keys = PayloadKeys((KEY,))
    assert asyncio.run(PayloadEncryption(keys).with_context(in_activity("run-1")).decode(sealed))
    other = WorkflowSerializationContext(namespace="default", workflow_id="run-2")
    for context in (other, in_activity("run-2")):
        with pytest.raises(ConfigurationError, match="for another workflow"):
            asyncio.run(PayloadEncryption(keys).with_context(context).decode(sealed))
    assert asyncio.run(PayloadEncryption(keys, mark=True).with_context(other).decode(sealed)) == [UNREADABLE]
    for use in (PayloadEncryption(keys).encode, PayloadEncryption(keys).decode):
        with pytest.raises(ConfigurationError, match="without a workflow"):
            asyncio.run(use(sealed))


def test_a_replaced_key_still_reads_and_the_new_one_writes() -> None:
    new = bytes(range(1, 33))
    old_ones, rotated = PayloadKeys((KEY,)), PayloadKeys((new, KEY))
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret")]))
    after = PayloadEncryption(rotated).with_context(RUN)
    assert asyncio.run(after.decode(sealed)) == [Payload(data=b"secret")]
    (written,) = asyncio.run(after.encode([Payload(data=b"secret")]))
    assert written.metadata[KEY_ID] == key_id(new)
    assert rotated.task_queue == old_ones.task_queue != PayloadKeys((new,)).task_queue
    assert KEY.hex() not in repr(rotated)


def test_another_key_opens_nothing_and_says_so() -> None:
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret")]))
    with pytest.raises(ConfigurationError, match="another key"):
        asyncio.run(PayloadEncryption(PayloadKeys((bytes(32),))).with_context(RUN).decode(sealed))


@given(position=st.integers(0, 40), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, flip: int) -> None:
    sealed = asyncio.run(CODEC.encode([Payload(data=b"secret figures")]))[0]
    position %= len(sealed.data)
    bent = bytearray(sealed.data)
    bent[position] ^= flip
    with pytest.raises(ConfigurationError):
        asyncio.run(CODEC.decode([Payload(metadata=sealed.metadata, data=bytes(bent))]))


def sealed_as(packed: bytes) -> Payload:
    """What somebody with the key sealed, packed as they like."""
    nonce = bytes(12)
    purpose = b"\x00".join((ENCODING, key_id(KEY), b"run-1"))
    data = nonce + AESGCM(KEY).encrypt(nonce, packed, purpose)
    return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id(KEY)}, data=data)


@pytest.mark.parametrize("way", [b"\x01", b"\x02"])
def test_a_small_ciphertext_cannot_unpack_to_something_enormous(way: bytes) -> None:
    with pytest.raises(ConfigurationError, match="unpacks to more than"):
        asyncio.run(CODEC.decode([sealed_as(way + zlib.compress(bytes(20_000_000)))]))


@pytest.mark.parametrize("way", [b"\x01", b"\x02"])
def test_what_does_not_unpack_is_refused(way: bytes) -> None:
    with pytest.raises(ConfigurationError, match="cannot be unpacked"):
        asyncio.run(CODEC.decode([sealed_as(way + b"no zlib stream")]))


def test_what_earlier_versions_sealed_is_read() -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'{"run_id":"run-1"}' * 9)
    plain = payload.SerializeToString()
    for packed in (b"\x00" + plain, b"\x01" + zlib.compress(plain)):
        assert asyncio.run(CODEC.decode([sealed_as(packed)])) == [payload]


def test_the_dictionary_is_the_one_that_histories_were_written_with() -> None:
    """It is never changed: a payload that was compressed with another one cannot be read."""
    digest = hashlib.sha256(payload_dictionary.VERSION_1).hexdigest()
    assert digest == "a97d3debbefebd3c30110b3d893b3443129bf4a25903dad88f3f08c58c72aeba"


def test_the_installation_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "home" / "payload.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert [len(one) for one in key.keys] == [32]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["payload.key"]


@pytest.mark.parametrize("content", ["", "zz", "00" * 16, "00" * 32 + "\nzz", "# none"])
def test_a_malformed_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "payload.key"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"payload\.key"):
        load_or_create_key(path)
