"""A proof is verified by someone who has only the file and the log's public key; nothing bent passes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.contracts.audit import AuditEvent, RecordKind
from placet.errors import GovernanceError, UsageError
from placet.governance.log.bundle import ProofBundle, parse_bundle, verify_bundle
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, sign_checkpoint
from placet.governance.log.key import LogIdentity
from placet.governance.log.merkle import verify_consistency
from placet.governance.log.notes import VerifierKey
from placet.service.keeping.log import prove_entry, prove_numbered, prove_stream, signed_head, verify_anchored_bundle
from placet.storage.database import Database
from tests.support.logs import AT, TENANT, identity, record, run_id, sequencer


@pytest.fixture
def who(tmp_path: Path) -> LogIdentity:
    return identity(tmp_path)


@pytest.fixture
def bundle(database: Database, who: LogIdentity) -> ProofBundle:
    """The proof of a run of four entries in a log of eleven."""
    record(database, 11)
    note = signed_head(database, who, TENANT)
    with database.reading() as tx:
        return prove_stream(tx, who, TENANT, run_id(0), note)


def test_a_run_s_proof_holds_every_entry_and_verifies_from_its_text_alone(
    bundle: ProofBundle, who: LogIdentity
) -> None:
    text = bundle.model_dump_json()
    head = verify_bundle(parse_bundle(text), who.verifiers(TENANT))
    assert (head.origin, head.size) == ("placet.example/acme", 11)
    assert [proven.index for proven in bundle.entries] == [0, 3, 6, 9]
    assert [proven.entry.seq for proven in bundle.entries] == [1, 2, 3, 4]


def test_every_entry_is_proven_at_every_size_and_consistent_with_every_earlier_one(
    database: Database, who: LogIdentity
) -> None:
    notes = []
    events: list[AuditEvent] = []
    for number in range(9):
        events += record(database, 1, first=number)
        notes.append(signed_head(database, who, TENANT))
    keys = who.verifiers(TENANT)
    heads = [open_checkpoint(note, keys) for note in notes]
    with database.reading() as tx:
        for note, head in zip(notes, heads, strict=True):
            for event in events[: head.size]:
                assert verify_bundle(prove_numbered(tx, TENANT, event.stream, event.seq, note), keys) == head
            for earlier in heads[: head.size]:
                proof = tx.log.consistency_proof(TENANT, earlier.size, head.size)
                verify_consistency(earlier.size, earlier.root, head.size, head.root, proof)


Bend = Callable[[dict[str, Any]], Any]
BENT: dict[str, tuple[Bend, str]] = {
    "an entry's content": (lambda b: b["entries"][1]["entry"].update(actor="mallory"), "proof_invalid"),
    "an entry's body": (lambda b: b["entries"][1]["entry"]["body"].update(n=99), "proof_invalid"),
    "an entry's hash": (lambda b: b["entries"][1]["entry"].update(hash="f" * 64), "proof_invalid"),
    "an entry's index": (lambda b: b["entries"][1].update(index=4), "proof_invalid"),
    "an index outside": (lambda b: b["entries"][1].update(index=11), "proof_invalid"),
    "an entry's proof": (lambda b: b["entries"][1]["proof"].reverse(), "proof_invalid"),
    "a proof cut off": (lambda b: b["entries"][1]["proof"].pop(), "proof_invalid"),
    "a proof of noise": (lambda b: b["entries"][1]["proof"].append("noise"), "proof_invalid"),
    "an entry left out": (lambda b: b["entries"].pop(1), "audit_broken"),
    "the first entry left out": (lambda b: b["entries"].pop(0), "audit_broken"),
    "an entry twice": (lambda b: b["entries"].append(b["entries"][0]), "proof_invalid"),
    "entries swapped": (lambda b: b["entries"].reverse(), "audit_broken"),
    "another stream": (lambda b: b.update(stream="tenant/acme"), "proof_invalid"),
    "the checkpoint's size": (
        lambda b: b.update(checkpoint=b["checkpoint"].replace("\n11\n", "\n12\n")),
        "bad_signature",
    ),
    "another origin": (lambda b: b.update(checkpoint=b["checkpoint"].replace("/acme", "/evil")), "note_unsigned"),
    "no checkpoint": (lambda b: b.update(checkpoint="trust me"), "note_malformed"),
    "no entries": (lambda b: b.update(entries=[]), "proof_invalid"),
    "another format": (lambda b: b.update(format="placet-audit-proof/v1"), "proof_invalid"),
    "the end cut off": (lambda b: b["entries"].pop(), "proof_invalid"),
    "the end cut off, and called single entries": (
        lambda b: (b["entries"].pop(), b.update(stream=None, head=None)),
        "proof_invalid",
    ),
    "no word on how far the stream reached": (lambda b: b.update(head=None), "proof_invalid"),
    "the checkpoint for that word": (lambda b: b.update(head=b["checkpoint"]), "proof_invalid"),
    "that word for the checkpoint": (lambda b: b.update(checkpoint=b["head"]), "note_malformed"),
    "another length": (lambda b: b.update(head=b["head"].replace("\n4\n", "\n3\n")), "bad_signature"),
    "a word that nobody signed": (lambda b: b.update(head="4 entries"), "note_malformed"),
}


@pytest.mark.parametrize("what", BENT)
def test_a_proof_with_anything_bent_is_refused(bundle: ProofBundle, who: LogIdentity, what: str) -> None:
    bend, code = BENT[what]
    bent = json.loads(bundle.model_dump_json())
    bend(bent)
    with pytest.raises(GovernanceError) as refused:
        verify_bundle(parse_bundle(json.dumps(bent)), who.verifiers(TENANT))
    assert refused.value.code == code


KINDS: tuple[RecordKind, ...] = ("run.started", "analyse.completed", "execute.sending", "run.ended", "execute.settled")


@pytest.fixture
def proofs(database: Database, who: LogIdentity) -> list[ProofBundle]:
    """The proofs of one run, made after each of its entries: it ended with the fourth, and a fifth came after that."""
    made = []
    for number, kind in enumerate(KINDS):
        record(database, 2, first=2 * number)
        with database.transaction() as tx:
            tx.audit.append(
                stream=run_id(9), tenant=TENANT, run_id=run_id(9), kind=kind, actor="worker", step_key=kind,
                at=AT, body={"state": "executed"},
            )  # fmt: skip
        note = signed_head(database, who, TENANT)
        with database.reading() as tx:
            made.append(prove_stream(tx, who, TENANT, run_id(9), note))
    return made


def test_a_proof_says_whether_the_run_it_holds_was_over(proofs: list[ProofBundle], database: Database) -> None:
    assert [proof.standing for proof in proofs] == ["up_to_entry"] * 3 + ["complete"] * 2
    with database.reading() as tx:
        one = prove_numbered(tx, TENANT, run_id(9), 4, proofs[-1].checkpoint)
    assert one.standing == "one_entry"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_cut_out_of_proofs_verifies_only_as_one_that_was_made(
    proofs: list[ProofBundle], who: LogIdentity, data: st.DataObject
) -> None:
    part = st.integers(0, len(proofs) - 1)
    base, kept = data.draw(part), data.draw(st.sets(part, min_size=1))
    entries = tuple(proven for place, proven in enumerate(proofs[base].entries) if place in kept)
    head, checkpoint = (proofs[data.draw(st.just(base) | part)] for _ in range(2))
    cut = ProofBundle(
        stream=run_id(9), head=head.head, checkpoint=checkpoint.checkpoint, entries=entries or proofs[base].entries[:1]
    )
    if cut in proofs:
        verify_bundle(cut, who.verifiers(TENANT))
        return
    with pytest.raises(GovernanceError):
        verify_bundle(cut, who.verifiers(TENANT))


def test_a_proof_is_refused_under_another_key_and_for_another_tenant(
    database: Database, bundle: ProofBundle, who: LogIdentity, tmp_path: Path
) -> None:
    stranger = identity(tmp_path / "stranger")
    with pytest.raises(GovernanceError) as refused:
        verify_bundle(bundle, stranger.verifiers(TENANT))
    assert refused.value.code == "note_unsigned"
    # The same installation key under another tenant's name: an entry of acme is in no log of umbrella.
    head = open_checkpoint(bundle.checkpoint, who.verifiers(TENANT))
    forged = identity(tmp_path / "stranger", "placet.example")
    note = sign_checkpoint(Checkpoint("placet.example/umbrella", head.size, head.root), forged.key.private)
    with pytest.raises(GovernanceError, match=r"is of tenant 'acme', the checkpoint of log 'placet\.example/umbrella'"):
        verify_bundle(bundle.model_copy(update={"checkpoint": note}), forged.verifiers("umbrella"))


def test_an_entry_of_another_tenant_or_newer_than_the_checkpoint_is_not_proven(
    database: Database, bundle: ProofBundle, who: LogIdentity
) -> None:
    newer = record(database, 1, first=11)[0]
    other = record(database, 1, first=0, tenant="umbrella")[0]
    with database.reading() as tx:
        ours, theirs = (tx.audit.positions(event.stream)[event.seq - 1] for event in (newer, other))
        for position, code in ((ours, "not_covered"), (theirs, "unknown_entry"), (0, "unknown_entry")):
            with pytest.raises(UsageError) as refused:
                prove_entry(tx, TENANT, position, bundle.checkpoint)
            assert refused.value.code == code
        for number in (0, newer.seq + 1):
            with pytest.raises(UsageError, match=f"has no entry {number}, only {newer.seq}"):
                prove_numbered(tx, TENANT, newer.stream, number, bundle.checkpoint)
        with pytest.raises(UsageError, match="no audit stream"):
            prove_numbered(tx, TENANT, other.stream, 1, bundle.checkpoint)
        with pytest.raises(UsageError, match="is newer than the checkpoint of 11 entries"):
            prove_stream(tx, who, TENANT, newer.stream, bundle.checkpoint)
        for stream in ("run-nobody", other.stream):
            with pytest.raises(UsageError, match="no audit stream"):
                prove_stream(tx, who, TENANT, stream, bundle.checkpoint)


def test_a_proof_under_an_anchored_checkpoint_is_told_from_one_of_a_forked_log(
    database: Database, bundle: ProofBundle, who: LogIdentity
) -> None:
    keys = who.verifiers(TENANT)
    anchored = open_checkpoint(bundle.checkpoint, keys)
    assert verify_anchored_bundle(bundle, keys, [anchored]) == anchored
    fork = Checkpoint(anchored.origin, anchored.size, bytes(32))
    with pytest.raises(GovernanceError, match="does not extend"):
        verify_anchored_bundle(bundle, keys, [fork])
    other = Checkpoint(anchored.origin, 7, bytes(32))
    with pytest.raises(UsageError, match="no anchored checkpoint has the 11 entries"):
        verify_anchored_bundle(bundle, keys, [other])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.text(max_size=8), values, max_size=4), step=st.uuids())
def test_whatever_is_on_the_record_is_proven_through_a_file(
    database: Database, who: LogIdentity, body: dict[str, Any], step: object
) -> None:
    with database.transaction() as tx:
        event = tx.audit.append(
            stream="tenant/acme", tenant=TENANT, run_id=None, kind="key.enrolled", actor="root", step_key=str(step),
            at=AT, body=body,
        )  # fmt: skip
    note = signed_head(database, who, TENANT)
    with database.reading() as tx:
        text = prove_numbered(tx, TENANT, event.stream, event.seq, note).model_dump_json(indent=2)
    verify_bundle(parse_bundle(text), who.verifiers(TENANT))
    assert parse_bundle(text).entries[0].entry == event


def test_a_proof_is_small_and_reads_little_however_long_the_log(database: Database, who: LogIdentity) -> None:
    record(database, 1000)
    sequencer(database, who).advance()
    with database.reading() as tx:
        proofs = [tx.log.inclusion_proof(TENANT, index, 1000) for index in (0, 511, 999)]
    assert max(len(proof) for proof in proofs) == 10
    assert VerifierKey.parse(str(who.verifiers(TENANT)[0])) == who.verifiers(TENANT)[0]
