"""One signature over many proposals counts for each member by its own proof, and for nothing else (promise 2)."""

import base64
import hashlib
import json
from datetime import datetime, timedelta

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.batch import Batch, BatchBounds, BatchMember
from placet.contracts.people.decision import MAX_ENVELOPE_BYTES, AcceptedDecision, Phase
from placet.contracts.proposal import OrderProduct, Proposal
from placet.errors import DecisionRefused, GovernanceError
from placet.governance.approvals import sign_decision
from placet.governance.batches import (
    BatchedDecision,
    MemberTree,
    decision_id,
    is_batched,
    member_leaf,
    read_batched,
    sign_batch,
    verify_batched,
)
from placet.governance.signing.canonical import canonical_bytes, digest, sha256_hex
from tests.unit.gate.batching import member_of, proposal_of, request_of, run_id, usd
from tests.unit.support import NOW, a_key, a_predicate

SIGNING, ENROLLED = a_key()
GATE = Gate(
    verdict="human",
    reason="permitted",
    policy_set="0" * 64,
    policies=("p",),
    roles=("retention_lead",),
    opened_at=NOW - timedelta(minutes=10),
    expires_at=NOW + timedelta(hours=1),
)
SIZE = 5


BOUNDS = BatchBounds(
    agent="retention",
    kinds=("adjust_balance",),
    treatments=("goodwill_credit",),
    max_cost=usd(1000),
    total_cost=usd(1000 * SIZE),
)
TREE = MemberTree([member_of(number) for number in range(SIZE)])


def a_batch(tree: MemberTree = TREE, **changes: object) -> Batch:
    values: dict[str, object] = {
        "tenant": "demo",
        "signer": "anna",
        "signed_at": NOW - timedelta(minutes=1),
        "document_id": "f" * 32,
        "reason": "outage in the north",
        "verdict": "approve",
        "size": tree.size,
        "root": tree.root,
        "bounds": BOUNDS,
    }
    return Batch.model_validate({**values, **changes})


def signed(tree: MemberTree = TREE, **changes: object) -> dict[str, str]:
    return sign_batch(a_batch(tree, **changes), tree, SIGNING.private, SIGNING.key_id)


GOOD = signed()


def review(
    text: str,
    number: int = 0,
    *,
    proposal: Proposal | None = None,
    gate: Gate = GATE,
    key: EnrolledKey | None = ENROLLED,
    phase: Phase = "decide",
    now: datetime = NOW,
) -> AcceptedDecision:
    pending = proposal or proposal_of(number)
    accepted, by = verify_batched(
        text,
        run=request_of(number),
        proposal_digest=digest(pending),
        proposal=pending,
        gate=gate,
        phase=phase,
        now=now,
        find_key=lambda key_id: key if key and key.key_id == key_id else None,
    )
    assert by == key
    return accepted


def refused(text: str, number: int = 0, **how: object) -> str:
    with pytest.raises(DecisionRefused) as caught:
        review(text, number, **how)  # type: ignore[arg-type]
    return caught.value.code


def test_one_signature_counts_for_every_member_each_by_a_decision_of_its_own() -> None:
    accepted = [review(GOOD[run_id(number)], number) for number in range(SIZE)]
    assert {one.batch for one in accepted} == {TREE.root}
    assert {(one.verdict, one.approver, one.reason) for one in accepted} == {("approve", "anna", "outage in the north")}
    assert [one.proposal for one in accepted] == [digest(proposal_of(number)) for number in range(SIZE)]
    assert len({one.decision_id for one in accepted}) == SIZE
    own = f'{{"document_id":"{"f" * 32}","run_id":"{run_id(0)}","signer":"anna"}}'
    assert accepted[0].decision_id == hashlib.sha256(own.encode()).hexdigest()
    assert accepted[0].envelope_digest == sha256_hex(GOOD[run_id(0)].encode())
    assert len({json.dumps(json.loads(text)["batch"]) for text in GOOD.values()}) == 1


def test_a_run_that_is_no_member_is_refused_with_anyones_proof() -> None:
    for text in GOOD.values():
        assert refused(text, SIZE) == "not_in_batch"


def test_a_member_is_refused_with_another_members_proof() -> None:
    for number in range(SIZE):
        for other in set(range(SIZE)) - {number}:
            assert refused(GOOD[run_id(other)], number) == "not_in_batch"


def test_a_member_whose_proposal_is_another_one_now_is_refused() -> None:
    assert refused(GOOD[run_id(0)], 0, proposal=proposal_of(0, 999)) == "not_in_batch"


@pytest.mark.parametrize("path", [lambda path: path[:-1], lambda path: [*path, "0" * 64], lambda path: path[::-1]])
def test_a_bent_proof_is_refused(path: object) -> None:
    value = json.loads(GOOD[run_id(0)])
    value["member"]["path"] = path(value["member"]["path"])  # type: ignore[operator]
    assert refused(json.dumps(value)) == "not_in_batch"


DIFFERENT = [
    {"agent": "advance"},
    {"treatment": "other_credit"},
    {"cost": usd(1001)},
    {"cost": Money(amount_minor=1000, currency="EUR")},
    {"mutation": OrderProduct(customer_id="C00003", action="add", offering_id="o")},
]


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_listed_proposal_outside_the_stated_bounds_is_refused_and_the_others_count(change: dict[str, object]) -> None:
    odd = proposal_of(3).model_copy(update=change)
    members = [member_of(number) for number in range(SIZE) if number != 3]
    tree = MemberTree([*members, BatchMember(run_id=run_id(3), proposal=digest(odd))])
    texts = signed(tree)
    assert refused(texts[run_id(3)], 3, proposal=odd) == "outside_batch"
    for member in members:
        assert review(texts[member.run_id], int(member.run_id[4:], 16)).verdict == "approve"


def test_one_proposal_may_not_cost_more_than_all_of_them_together() -> None:
    texts = signed(bounds=BOUNDS.model_copy(update={"total_cost": usd(999)}))
    assert refused(texts[run_id(0)]) == "outside_batch"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "other"}, "wrong_tenant"),
        ({"signer": "berta"}, "wrong_person"),
        ({"signed_at": NOW + timedelta(minutes=5)}, "clock_skew"),
        ({"signed_at": NOW - timedelta(hours=1)}, "predates_gate"),
    ],
)
def test_a_signed_batch_that_says_something_else_is_refused(changes: dict[str, object], code: str) -> None:
    assert refused(signed(TREE, **changes)[run_id(0)]) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "other"}, "unknown_key"),
        ({"revoked_at": NOW - timedelta(seconds=1)}, "revoked_key"),
        ({"expires_at": NOW}, "expired_key"),
    ],
)
def test_a_key_that_is_not_good_now_decides_none_of_them(changes: dict[str, object], code: str) -> None:
    assert refused(GOOD[run_id(0)], key=ENROLLED.model_copy(update=changes)) == code


def test_every_gate_closes_on_its_own_time() -> None:
    assert refused(GOOD[run_id(0)], now=GATE.expires_at) == "late"
    later = GATE.model_copy(update={"expires_at": GATE.expires_at + timedelta(hours=1)})
    assert review(GOOD[run_id(1)], 1, gate=later, now=GATE.expires_at).verdict == "approve"


def test_an_unknown_outcome_is_not_settled_by_a_batch() -> None:
    assert refused(GOOD[run_id(0)], phase="settle") == "wrong_verdict"


def test_a_batch_rejects_as_it_approves() -> None:
    assert review(signed(verdict="reject")[run_id(2)], 2).verdict == "reject"


@pytest.mark.parametrize("payload", ["=", "é", "e30", "e30=\n"])
def test_an_auditor_is_told_of_a_payload_that_is_no_base64(payload: str) -> None:
    value = json.loads(GOOD[run_id(1)])
    value["batch"]["payload"] = payload
    with pytest.raises(DecisionRefused, match="not base64") as caught:
        read_batched(json.dumps(value), member_of(1))
    assert caught.value.code == "malformed"


def test_an_auditor_reads_which_batch_a_run_was_part_of_and_finds_a_run_that_was_not() -> None:
    batch, envelope = read_batched(GOOD[run_id(1)], member_of(1))
    assert (batch, envelope.signatures[0].keyid) == (a_batch(), ENROLLED.key_id)
    with pytest.raises(DecisionRefused) as caught:
        read_batched(GOOD[run_id(1)], member_of(2))
    assert caught.value.code == "not_in_batch"


def test_someone_elses_signature_under_a_known_key_id_is_refused() -> None:
    stranger, _ = a_key("mallory")
    forged = sign_batch(a_batch(), TREE, stranger.private, SIGNING.key_id)
    assert refused(forged[run_id(0)]) == "bad_signature"


def test_bounds_cannot_be_widened_after_the_signature() -> None:
    value = json.loads(GOOD[run_id(0)])
    payload = base64.b64decode(value["batch"]["payload"]).replace(b'"amount_minor":1000,', b'"amount_minor":9999,')
    value["batch"]["payload"] = base64.b64encode(payload).decode()
    assert refused(json.dumps(value)) == "bad_signature"


def test_a_decision_on_one_proposal_is_no_batch_and_cannot_be_wrapped_as_one() -> None:
    one = sign_decision(a_predicate(run_id=run_id(0)), member_of(0).proposal, SIGNING.private, SIGNING.key_id)
    assert not is_batched(one)
    wrapped = json.dumps({"batch": json.loads(one), "member": {"index": 0, "path": []}})
    assert refused(wrapped) == "wrong_statement"


def test_what_claims_to_be_a_batch_is_judged_as_one() -> None:
    assert all(is_batched(text) for text in GOOD.values())
    assert is_batched('{"batch": 1}')
    assert refused('{"batch": 1}') == "malformed"
    for other in ("", "approve", "[]", '"batch"', '{"member": {}}', "[" * 16_000, "{" + " " * 20_000 + '"batch": 1}'):
        assert not is_batched(other)
    assert refused("{" + " " * 20_000 + "}") == "too_large"


@given(st.text(max_size=300))
def test_garbage_never_counts_and_never_raises_anything_else(text: str) -> None:
    assert not is_batched(text)
    with pytest.raises(DecisionRefused):
        review(text)


@settings(max_examples=150)
@given(data=st.data(), character=st.characters(min_codepoint=32, max_codepoint=126))
def test_no_single_changed_character_leaves_another_valid_decision(data: st.DataObject, character: str) -> None:
    good = GOOD[run_id(0)]
    position = data.draw(st.integers(0, len(good) - 1))
    try:
        accepted = review(good[:position] + character + good[position + 1 :])
    except DecisionRefused:
        return
    kept = {"envelope_digest": ""}
    assert accepted.model_copy(update=kept) == review(good).model_copy(update=kept)


@settings(max_examples=40)
@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=70), st.randoms(use_true_random=False))
def test_the_tree_is_that_of_an_independent_implementation_in_any_order(numbers: set[int], random: object) -> None:
    members = [BatchMember(run_id=run_id(number), proposal=f"{number:064x}") for number in numbers]
    random.shuffle(members)  # type: ignore[attr-defined]
    tree = MemberTree(members)
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for number in sorted(numbers):
        other.append_entry(canonical_bytes({"run_id": run_id(number), "proposal": f"{number:064x}"}))
    assert tree.root == other.get_root().hex()
    for index, member in enumerate(tree.members):
        path = [bytes.fromhex(node) for node in tree.membership(index).path]
        assert other.prove_inclusion(index + 1, tree.size).path == [member_leaf(member), *path]


def test_a_run_is_in_a_batch_once_and_a_batch_is_never_empty_or_too_large() -> None:
    with pytest.raises(ValueError, match=f"run '{run_id(1)}' is in the batch twice"):
        MemberTree([member_of(1), member_of(0), member_of(1).model_copy(update={"proposal": "0" * 64})])
    with pytest.raises(ValueError, match="1 to 10000 members, not 0"):
        MemberTree([])
    with pytest.raises(ValueError, match="1 to 10000 members, not 10001"):
        MemberTree([member_of(1)] * 10_001)


def test_a_batch_is_signed_for_its_own_members_only() -> None:
    others = MemberTree([member_of(number) for number in range(1, SIZE + 1)])
    for tree in (MemberTree([member_of(0)]), others):
        with pytest.raises(ValueError, match="not about these members"):
            sign_batch(a_batch(), tree, SIGNING.private, SIGNING.key_id)


def test_the_largest_batch_gives_each_run_a_short_share() -> None:
    members = [BatchMember(run_id=run_id(number), proposal=f"{number:064x}") for number in range(10_000)]
    tree = MemberTree(members)
    texts = sign_batch(a_batch(tree, reason="x" * 500), tree, SIGNING.private, SIGNING.key_id)
    assert list(texts) == [run_id(number) for number in range(10_000)]
    assert max(len(BatchedDecision.model_validate_json(text).member.path) for text in texts.values()) == 14
    assert max(map(len, texts.values())) < 4_500
    assert len({decision_id(a_batch(tree), one) for one in texts}) == 10_000


def test_nobody_can_use_up_the_decision_of_anothers_batch() -> None:
    """Not with a batch of the same document id, nor with a decision on one proposal, whose id its signer chooses."""
    own = decision_id(a_batch(), run_id(0))
    assert decision_id(a_batch(reason="signed again"), run_id(0)) == own
    assert decision_id(a_batch(signer="mallory"), run_id(0)) != own
    with pytest.raises(ValidationError, match="decision_id"):
        a_predicate(decision_id=own)


def test_what_no_run_could_read_is_not_signed() -> None:
    many = tuple(f"treatment_{number:030}" for number in range(400))
    with pytest.raises(GovernanceError, match=f"runs read {MAX_ENVELOPE_BYTES}") as caught:
        signed(bounds=BOUNDS.model_copy(update={"treatments": many}))
    assert caught.value.code == "too_large"
