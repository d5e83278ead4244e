"""An expected value on record is computed again from the evidence; what was made up does not agree."""

from datetime import UTC, datetime

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
    proposal: Proposal, *, lost: UsageError | None = None, policy: ContactPolicy = POLICY
) -> tuple[list[str], list[str]]:
    def fetch(address: str, kind: type[BaseModel]) -> BaseModel:
        found: dict[str, BaseModel] = {digest(SHOWN): SHOWN, digest(assessment()): assessment()}
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
