"""The typed signatures of every activity a workflow calls, by the five verbs of the product.

`activities/` implements them under the same names; a workflow never imports an implementation.
"""

from temporalio import activity

from placet.contracts.gate import Gate
from placet.contracts.people.decision import ReviewResult
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import (
    Analysed,
    Closed,
    CloseInput,
    ExecuteInput,
    GateInput,
    MilestoneInput,
    Proposed,
    ProposeInput,
    Queried,
    QueryInput,
    ReviewInput,
    RunRequest,
)
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from placet.contracts.strategies.rolling import Reached, RolloutAsked, RolloutStep

STEPS_MEMO = "placet-steps"
"""Memo of a workflow: how it asks for its steps. Runs that were started before there was a choice have none."""
LOCAL_FIRST = 2
"""The value of new runs: `query_billing` and `execute` are tried once as local activities (docs/adr/0002)."""


@activity.defn(name="analyse")
def analyse(request: RunRequest) -> Analysed:
    """(1) Assess the customer's history with a model and choose the reads that follow."""
    raise NotImplementedError


@activity.defn(name="query_billing")
def query_billing(query: QueryInput) -> Queried:
    """(2) Read what the assessment asked for through the allowlisted billing plugin."""
    raise NotImplementedError


@activity.defn(name="propose")
def propose(proposal: ProposeInput) -> Proposed:
    """(3) Weigh the treatments and propose one mutation, or nothing."""
    raise NotImplementedError


@activity.defn(name="open_gate")
def open_gate(gate: GateInput) -> Gate:
    """(4) Ask policy what stands between this proposal and its execution."""
    raise NotImplementedError


@activity.defn(name="mark_gate")
def mark_gate(gate: MilestoneInput) -> None:
    """(4) Record that nobody has passed the gate yet; remind those who were asked, or ask further people."""
    raise NotImplementedError


@activity.defn(name="review_decisions")
def review_decisions(review: ReviewInput) -> ReviewResult:
    """(4) Verify received decisions, record each refusal, and say what the pending question is answered with."""
    raise NotImplementedError


@activity.defn(name="execute")
def execute(effect: ExecuteInput) -> ExecutionResult:
    """Re-check everything, then cause the effect once."""
    raise NotImplementedError


@activity.defn(name="rollout_stand")
def rollout_stand(asked: RolloutAsked) -> RolloutStep:
    """Say where a rollout stands by the record, and when to ask again."""
    raise NotImplementedError


@activity.defn(name="rollout_reach")
def rollout_reach(asked: RolloutAsked) -> Reached:
    """Start the governed runs of who is next in the stage."""
    raise NotImplementedError


@activity.defn(name="rollout_look")
def rollout_look(asked: RolloutAsked) -> None:
    """Look at the guard rails, and hold, step back or ask for the next stage."""
    raise NotImplementedError


@activity.defn(name="journey_look")
def journey_look(asked: JourneyAsked) -> JourneyLook:
    """Look where a customer is in a strategy of several steps, do what is due, say when to look again."""
    raise NotImplementedError


@activity.defn(name="close_run")
def close_run(close: CloseInput) -> Closed | None:
    """Record the end of the run, or its parking; say how it was recorded where that is not as it was asked."""
    raise NotImplementedError
