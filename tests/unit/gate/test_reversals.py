"""Which run may be reversed."""

from typing import get_args

import pytest

from placet.contracts.run import END_STATES, EndState, RunState
from placet.errors import GovernanceError
from placet.governance.reversals import check_reversible
from tests.unit.support import RUN, a_request

STATES: tuple[RunState, ...] = ("analysing", "querying", "proposing", "awaiting_decision", "executing")
STATES += get_args(EndState)
OTHER = "run-" + "b" * 20


@pytest.mark.parametrize("state", STATES)
def test_only_a_run_that_executed_is_reversed(state: RunState) -> None:
    if state == "executed":
        check_reversible(a_request(), state, ())
        return
    with pytest.raises(
        GovernanceError, match=f"run '{RUN}' is {state.replace('_', ' ')}; only what a run executed"
    ) as refused:
        check_reversible(a_request(), state, ())
    assert refused.value.code == "not_executed"


@pytest.mark.parametrize("state", STATES)
def test_a_run_is_reversed_once_and_an_attempt_that_changed_nothing_does_not_count(state: RunState) -> None:
    earlier = [("run-" + "c" * 20, "rejected"), (OTHER, state)]
    if state == "executed":
        code = "already_reversed"
    elif state in END_STATES:
        check_reversible(a_request(), "executed", earlier)
        return
    else:
        code = "reversal_under_way"
    with pytest.raises(GovernanceError, match=OTHER) as refused:
        check_reversible(a_request(), "executed", earlier)
    assert refused.value.code == code


def test_a_reversal_is_not_reversed() -> None:
    reversal = a_request().model_copy(update={"reverses": OTHER})
    with pytest.raises(GovernanceError, match=f"itself the reversal of '{OTHER}'") as refused:
        check_reversible(reversal, "executed", ())
    assert refused.value.code == "is_reversal"
