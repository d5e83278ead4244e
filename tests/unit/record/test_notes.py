"""Signed notes and checkpoints are C2SP's: the specifications' own examples, and nothing bent is opened."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from placet.errors import ConfigurationError, GovernanceError
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from placet.governance.log.merkle import EMPTY_ROOT
from placet.governance.log.notes import (
    COSIGNATURE,
    VerifierKey,
    add_signatures,
    open_note,
    sign_note,
    untrusted_text,
)
from placet.governance.signing.keys import public_bytes

# The example of c2sp.org/signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
NOTE = (
    f"{TEXT}\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of the Go package golang.org/x/mod/sumdb/note, from which the specification comes.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    f"{GO_TEXT}\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
MINE = VerifierKey("placet.example/acme", public_bytes(KEY.public_key()))
OTHER = VerifierKey("placet.example/acme", public_bytes(Ed25519PrivateKey.from_private_bytes(b"1" * 32).public_key()))
HEAD = Checkpoint("placet.example/acme", 20852163, bytes(range(32)))
CONTROL = "".join(chr(code) for code in range(32) if code != 10)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROL))


def refused(note: str, *keys: VerifierKey) -> str:
    with pytest.raises(GovernanceError) as error:
        open_note(note, keys)
    return error.value.code


def test_the_specification_s_note_opens_under_its_key() -> None:
    key = VerifierKey.parse(VKEY)
    assert (key.name, key.key_id.hex(), str(key)) == ("example.com/foo", "530d903a", VKEY)
    assert open_note(NOTE, [MINE, key]) == TEXT


def test_the_go_implementation_s_note_is_signed_to_the_byte() -> None:
    seed = base64.b64decode(GO_SEED)[1:]
    assert sign_note(GO_TEXT, "PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed)) == GO_NOTE
    assert open_note(GO_NOTE, [VerifierKey.parse(GO_VKEY)]) == GO_TEXT


@given(text=texts, name=texts.filter(lambda name: name and "+" not in name and not any(c.isspace() for c in name)))
def test_what_is_signed_is_what_is_opened(text: str, name: str) -> None:
    text += "\n"
    key = VerifierKey(name, MINE.public_key)
    note = sign_note(text, name, KEY)
    assert open_note(note, [key]) == text == untrusted_text(note)
    assert VerifierKey.parse(str(key)) == key


@given(position=st.integers(0, len(NOTE) - 1), character=st.characters())
def test_a_note_with_any_character_changed_does_not_open(position: int, character: str) -> None:
    bent = NOTE[:position] + character + NOTE[position + 1 :]
    if bent != NOTE:
        assert refused(bent, VerifierKey.parse(VKEY)) in {"note_malformed", "note_unsigned", "bad_signature"}


def test_signatures_of_other_keys_are_passed_over_and_never_enough() -> None:
    both = add_signatures(sign_note("hello\n", MINE.name, KEY), NOTE.split("\n\n")[1])
    assert open_note(both, [MINE]) == open_note(both, [OTHER, MINE]) == "hello\n"
    assert refused(both) == "note_unsigned"
    assert refused(both, OTHER) == "note_unsigned"
    # The known key's line is there and wrong: the note is refused although another trusted key signed it.
    assert refused(both, MINE, VerifierKey.parse(VKEY)) == "bad_signature"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "\n\n",
        NOTE.removesuffix("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE.replace("This", "Th\tis"),
        NOTE.replace("This", "Th\ud800is"),
        NOTE.replace("aQM=", "aQM"),
        NOTE.replace("aQM=", "aQN="),
        NOTE + "\n",
        NOTE + "— a AAAA\n",
        NOTE + NOTE.split("\n\n")[1] * 100,
        "x" * 1_000_001 + NOTE,
    ],
)
def test_what_is_not_a_note_is_refused_as_such(note: str) -> None:
    assert refused(note, VerifierKey.parse(VKEY)) == "note_malformed"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("example.com/foo", "example.com/bar"),
        VKEY.replace("example.com/foo", "a b"),
        VKEY[:-1],
        VKEY + "+x",
        "a+00000000+",
        "a+00000000+Bg==",
    ],
)
def test_a_verifier_key_that_was_altered_is_refused(vkey: str) -> None:
    with pytest.raises(ConfigurationError):
        VerifierKey.parse(vkey)


def test_what_would_frame_another_note_is_not_signed() -> None:
    for text in ("no newline", "a\x00b\n", ""):
        with pytest.raises(ValueError, match="ends in a newline"):
            sign_note(text, "name", KEY)
    for name in ("", "two words", "a+b", "a\nb"):
        with pytest.raises(ConfigurationError, match="is not a key name"):
            sign_note("text\n", name, KEY)


def test_a_witness_s_cosignature_covers_its_time() -> None:
    witness = VerifierKey("witness.example/w1", public_bytes(KEY.public_key()), COSIGNATURE)
    time = 1679315147
    message = f"cosignature/v1\ntime {time}\n{HEAD.text()}".encode()

    def line(when: int) -> str:
        signature = witness.key_id + when.to_bytes(8, "big") + KEY.sign(message)
        return f"— {witness.name} {base64.b64encode(signature).decode()}\n"

    note = sign_checkpoint(HEAD, KEY)
    assert open_note(add_signatures(note, line(time)), [witness]) == HEAD.text()
    assert open_checkpoint(add_signatures(note, line(time)), [MINE]) == HEAD
    assert refused(add_signatures(note, line(time + 1)), witness) == "bad_signature"
    # The log's own signature by the same key is of another type: it is not the witness's.
    assert refused(note, witness) == "note_unsigned"
    for lines in ("", "yes\n", f"\n{line(time)}", line(time).removesuffix("\n")):
        with pytest.raises(GovernanceError, match=r"is not a sequence of signature lines|not a signed note"):
            add_signatures(note, lines)


def test_the_specification_s_checkpoint_reads_and_writes() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    read = parse_checkpoint(text)
    assert (read.origin, read.size) == ("example.com/behind-the-sofa", 20852163)
    assert read.text() == text
    assert parse_checkpoint(text + "extension\n") == read


@given(size=st.integers(1, 2**63 - 1), root=st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_opens_as_what_was_signed(size: int, root: bytes) -> None:
    head = Checkpoint(MINE.name, size, root)
    assert open_checkpoint(sign_checkpoint(head, KEY), [OTHER, MINE]) == head


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        (0, ""),
        (1, "007"),
        (1, "-1"),
        (1, "1e3"),
        (1, "٣"),
        (1, str(2**63)),
        (1, ""),
        (1, "0"),
        (2, ""),
        (2, "AAAA"),
        (2, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9="),
        (3, "\n"),
    ],
)
def test_a_malformed_checkpoint_is_refused_however_well_signed(line: int, instead: str) -> None:
    lines = HEAD.text().split("\n")
    lines[line] = instead
    note = sign_note("\n".join(lines) + ("" if line < 3 else "\n"), MINE.name, KEY)
    with pytest.raises(GovernanceError, match="not a checkpoint") as error:
        open_checkpoint(note, [MINE])
    assert error.value.code == "note_malformed"


def test_a_key_speaks_for_its_own_log_alone() -> None:
    note = sign_note(Checkpoint("placet.example/umbrella", 3, bytes(32)).text(), MINE.name, KEY)
    assert open_note(note, [MINE]) == untrusted_text(note)
    with pytest.raises(GovernanceError) as error:
        open_checkpoint(note, [MINE])
    assert error.value.code == "note_unsigned"


def test_the_empty_log_has_the_root_of_the_empty_tree() -> None:
    head = Checkpoint(MINE.name, 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(head, KEY), [MINE]) == head
