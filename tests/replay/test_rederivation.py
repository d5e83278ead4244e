"""An expected value on record is computed again from the evidence; what was made up does not agree."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from agents.catalogue import load
from agents.counts_fallback.source import counts
from agents.testing import ScriptedInference
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Evidence
from placet.contracts.contact import ContactHistory
from placet.contracts.money import parse_money
from placet.contracts.proposal import Proposal
from placet.decisioning.contact import ContactPolicy
from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.replay.weighing.former_rule import FORMER, former_catalogue
from placet.replay.weighing.rederivation import rederive
from placet.storage.artifacts import ERASED
from tests.agents.support import assessment, evidence, request

POLICY = ContactPolicy(
    cool_down_days=90, period_days=365, max_per_period=3, max_cost_per_period=parse_money("200.00 USD")
)
SHOWN = evidence().model_copy(
    update={"history": ContactHistory(days=365), "read_at": datetime(2026, 3, 1, 12, tzinfo=UTC)}
)


def proposed(shown: Evidence = SHOWN) -> Proposal:
    made = load("retention").propose(
        request(),
        assessment(),
        shown,
        assessment_digest=digest(assessment()),
        evidence_digest=digest(shown),
        likelihood=counts().read(shown, None),
        contact=POLICY,
        inference=ScriptedInference(),
    )
    assert made.proposal is not None
    return made.proposal


def judged(
    proposal: Proposal,
    *,
    lost: UsageError | None = None,
    policy: ContactPolicy = POLICY,
    read: tuple[Evidence, Assessment] = (SHOWN, assessment()),
) -> tuple[list[str], list[str]]:
    def fetch(address: str, kind: type[BaseModel]) -> BaseModel:
        found: dict[str, BaseModel] = {digest(one): one for one in read}
        if lost is not None:
            raise lost
        assert isinstance(found[address], (Evidence, Assessment))
        return kind.model_validate_json(found[address].model_dump_json())

    return rederive(proposal, fetch, load, lambda _tenant, _agent: policy, lambda _tenant, _digest: counts())


def test_a_proposal_follows_from_its_evidence() -> None:
    assert judged(proposed()) == ([], ["candidates and expected values were computed again from the evidence"])


def test_a_made_up_value_or_mutation_is_found() -> None:
    true = proposed()
    first, *others = true.candidates
    raised = first.model_copy(update={"expected_value_minor": 999_999})
    faults, _ = judged(true.model_copy(update={"candidates": (raised, *others), "expected_value_minor": 999_999}))
    assert faults == [
        "what is proposed as 'goodwill_credit' is not what the evidence makes of it",
        "candidate 'goodwill_credit' is said to be worth 9999.99 USD, the evidence makes it 22.53 USD",
    ]
    assert true.basis is not None
    assert true.basis.catalogue != FORMER
    assert judged(true.model_copy(update={"candidates": tuple(others)}))[0] == [
        "the candidates are not those that the evidence makes, or not in their order"
    ]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        (
            {"lost": UsageError("not in the store", code="unknown_artifact")},
            "expected values not computed again: the evidence is not held here",
        ),
        (
            {"lost": UsageError("artifact 'x' was erased on 2026-03-01 under retention", code=ERASED)},
            "expected values not computed again: artifact 'x' was erased on 2026-03-01 under retention",
        ),
        (
            {"policy": POLICY.model_copy(update={"cool_down_days": 1})},
            "expected values not computed again: installed now is not what it was computed with (contact policy)",
        ),
    ],
)
def test_what_cannot_be_computed_again_is_a_note_and_no_fault(changes: dict[str, object], note: str) -> None:
    assert judged(proposed(), **changes) == ([], [note])  # type: ignore[arg-type]


STORED = Path(__file__).parents[1] / "fixtures" / "stored_before" / "catalogue_proposals.json"


def before() -> list[tuple[Proposal, Evidence, Assessment]]:
    """Proposals that retention made before its catalogue was a strategy, each with what it was made of."""
    found = []
    for one in json.loads(STORED.read_text()):
        proposal = Proposal.model_validate_json(json.dumps(one["proposal"]))
        assert digest(proposal) == one["digest"]
        shown = Evidence.model_validate_json(json.dumps(one["evidence"]))
        found.append((proposal, shown, Assessment.model_validate_json(json.dumps(one["assessment"]))))
    return found


def test_a_proposal_from_before_catalogues_were_strategies_follows_from_its_evidence_still() -> None:
    assert digest(former_catalogue()) == FORMER
    treatments, reasons = set(), set()
    for proposal, shown, assessed in before():
        assert proposal.basis is not None
        assert proposal.basis.catalogue == FORMER
        found = judged(proposal, read=(shown, assessed))
        assert found == ([], ["candidates and expected values were computed again from the evidence"])
        treatments.add(proposal.treatment)
        told = (reason for one in proposal.candidates for reason in (*one.reasons_for, *one.reasons_against))
        reasons |= {reason.code for reason in told}
    catalogue = former_catalogue()
    assert treatments == {one.code for one in catalogue.treatments}
    # Every sentence of a rule is in one of them, but for that which leaves nothing to propose at all.
    rules = {rule.code for one in catalogue.treatments for rule in (*one.eligibility, *one.suitability)}
    assert rules - reasons == {"customer_not_active"}


def test_what_was_made_up_in_a_proposal_from_before_is_found_still() -> None:
    for proposal, shown, assessed in before():
        first, *others = proposal.candidates
        raised = first.model_copy(update={"expected_value_minor": 999_999})
        bent = proposal.model_copy(update={"candidates": (raised, *others), "expected_value_minor": 999_999})
        assert judged(bent, read=(shown, assessed))[0][0].endswith("is not what the evidence makes of it")
        # Nor can a proposal of today pass for one of then, or one of then for another that was signed.
        assert proposal.basis is not None
        named = proposal.basis.model_copy(update={"catalogue": load("retention").basis(None, "0" * 64).catalogue})
        assert judged(proposal.model_copy(update={"basis": named}), read=(shown, assessed))[0] != []


def test_a_proposal_from_before_under_another_contact_policy_is_a_note() -> None:
    proposal, shown, assessed = before()[0]
    other = POLICY.model_copy(update={"cool_down_days": 1})
    assert judged(proposal, policy=other, read=(shown, assessed)) == (
        [],
        ["expected values not computed again: installed now is not what it was computed with (contact policy)"],
    )
