"""What a proposal says of the customer's live state is held against the evidence, and that against the state itself."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel

from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.proposal import Proposal, Reason
from placet.contracts.state import CustomerState, StateRead
from placet.decisioning.state.aggregate import Aggregate, stamp_of
from placet.decisioning.state.reading import state_as_of
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.canonical import digest
from placet.replay.weighing.live_state import compare_analysed, compare_state
from placet.storage.artifacts import ERASED
from tests.replay.test_rederivation import SHOWN, proposed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def state_of(customer: str = "C00042") -> CustomerState:
    aggregate = Aggregate()
    for number in range(4):
        at = stamp_of(NOW - timedelta(hours=number), "bss", str(number))
        aggregate.take(at)
        aggregate.count(at, "balance_checks")
    return state_as_of(customer, aggregate, 4, NOW)


STATE = state_of()


def shown(state: CustomerState = STATE, **changes: object) -> Evidence:
    read = StateRead.of(state, digest(state)).model_copy(update=changes)
    return SHOWN.model_copy(update={"state": read})


def compared(
    evidence: Evidence, state: CustomerState = STATE, proposal: Proposal | None = None, lost: Exception | None = None
) -> tuple[list[str], list[str]]:
    def fetch(address: str, kind: type[BaseModel]) -> BaseModel:
        if lost is not None:
            raise lost
        assert address == evidence.state.digest  # type: ignore[union-attr]
        return kind.model_validate_json(state.model_dump_json())

    return compare_state(proposal or proposed(evidence), evidence, fetch)


def test_a_proposal_that_says_what_the_state_says_agrees() -> None:
    facts = [one.detail for one in proposed(shown()).facts]
    assert "live state as of 2026-03-01 12:00Z, from 4 events" in facts
    assert "the balance was asked for 4 times in a week" in facts
    assert compared(shown()) == ([], ["the live state, of 4 events, is the one that the evidence names"])


def test_evidence_without_a_state_says_nothing_and_agrees() -> None:
    assert compared(SHOWN) == ([], [])


@pytest.mark.parametrize(
    ("evidence", "state", "said"),
    [
        (shown(version=9), STATE, "what the evidence says of the customer's live state is not what that state says"),
        (shown(state_of("C1")), state_of("C1"), "the live state that the evidence names is another customer's"),
        (
            shown(STATE.model_copy(update={"signals": ("made up",)})),
            STATE.model_copy(update={"signals": ("made up",)}),
            "the signals of the customer's live state do not follow from its figures",
        ),
    ],
    ids=["evidence", "customer", "signals"],
)
def test_what_does_not_follow_is_found(evidence: Evidence, state: CustomerState, said: str) -> None:
    assert compared(evidence, state) == ([said], [])


def test_a_proposal_that_says_more_than_the_evidence_is_found() -> None:
    made = proposed(SHOWN)
    more = made.model_copy(update={"facts": (*made.facts, Reason(code="stands_out", detail="made up"))})
    assert compared(SHOWN, proposal=more)[0] == [
        "what the proposal says of the customer's live state is not what the evidence says"
    ]


def test_a_state_that_was_erased_is_noted_and_one_that_was_altered_is_found() -> None:
    assert compared(shown(), lost=UsageError("none", code="unknown_artifact")) == (
        [],
        ["the live state was not compared: it is not held here"],
    )
    erased = UsageError("the document was erased", code=ERASED)
    assert compared(shown(), lost=erased) == ([], ["the live state was not compared: the document was erased"])
    (fault,) = compared(shown(), lost=GovernanceError("it was altered"))[0]
    assert fault == "the live state that the evidence names cannot be read: it was altered"


def analysed(**body: object) -> AuditEvent:
    nothing, run_id = "0" * 64, "run-" + "0" * 20
    return AuditEvent(
        stream=run_id,
        seq=2,
        tenant="demo",
        run_id=run_id,
        kind="analyse.completed",
        actor="agent:retention",
        at=NOW,
        step_key="analyse.completed",
        body=body,
        prev_hash=nothing,
        hash=nothing,
    )


def test_evidence_that_leaves_out_what_the_model_saw_is_found() -> None:
    said = ["the evidence names another live state than the one that the analysis read"]
    read, other = {"digest": digest(STATE)}, {"digest": digest(state_of("C00043"))}
    assert compare_analysed(proposed(shown()), shown(), analysed(state=read)) == []
    assert compare_analysed(proposed(SHOWN), SHOWN, analysed()) == []
    assert compare_analysed(proposed(SHOWN), SHOWN, analysed(state=read)) == said
    assert compare_analysed(proposed(shown()), shown(), analysed(state=other)) == said
    assert compare_analysed(proposed(shown()), shown(), analysed()) == said
    (nothing,) = compare_analysed(proposed(shown()), shown(), None)
    assert nothing.startswith("nothing on record says what the analysis of run")
