"""The governed run of a step: the same key for whoever asks again, so that a step has one run."""

from typing import NamedTuple

from placet.contracts.audit import ENDED, AuditEvent
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.text import spoken
from placet.gate.strategies.journey import JourneyStanding, run_key
from placet.gate.strategies.rollout import RolloutStanding
from placet.service.runs import Carries, build_request, run_id_for
from placet.storage.standing import request_on_record
from placet.storage.transaction import Transaction

_STARTED = "run.started"
_WITHOUT_EFFECT = ("no_action", "denied")
"""Ends of a run that never reached the customer, and that a hold can be the reason of."""


class StepRun(NamedTuple):
    """The newest run of a step.

    Attributes:
        hold: How often the rollout had been held when it was asked for.
        begun: Whether its workflow runs, or ran.
        ended: The entry of its end; None before.
    """

    request: RunRequest
    hold: int
    begun: bool
    ended: AuditEvent | None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.ended is not None

    @property
    def in_words(self) -> str:
        """How it ended."""
        if self.ended is None:
            return "its run is under way"
        state, detail = str(self.ended.body.get("state")), str(self.ended.body.get("detail") or "")
        return f"its run is over: {spoken(state)}{f', {detail}' if detail else ''}"

    def stopped_by(self, rollout: RolloutStanding) -> bool:
        """Return whether a hold of the rollout ended it without anything, so that it is asked for once more."""
        if self.ended is None or self.ended.body.get("state") not in _WITHOUT_EFFECT:
            return False
        return self.hold < rollout.holds and rollout.held_at is not None and self.ended.at >= rollout.held_at


def run_of_step(tx: Transaction, of: JourneyAsked, stands: JourneyStanding, holds: int) -> StepRun | None:
    """Return the newest run of the step in which a customer is, by the record; None where none was asked for."""
    for hold in range(holds, -1, -1):
        run_id = run_id_for(of.tenant, run_key(of, stands, hold))
        request = request_on_record(tx, run_id)
        if request is not None:
            begun = tx.audit.find(run_id, _STARTED) is not None
            return StepRun(request, hold, begun, tx.audit.find(run_id, ENDED))
    return None


def request_of(of: JourneyAsked, stands: JourneyStanding, key: str, name: str) -> RunRequest:
    """Return the request for the run of the step in which a customer is."""
    return build_request(
        tenant=of.tenant,
        customer_id=of.customer_id,
        agent=stands.agent,
        requested_by=stands.entered.actor,
        key=key,
        agents=(stands.agent,),
        carries=Carries(name, stands.version, stands.channel, stands.agent, stands.step),
    )
