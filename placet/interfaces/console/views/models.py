"""Which models were asked, what they used of time, tokens and money."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from placet.contracts.analysis.inference import ModelUse
from placet.contracts.audit import AuditEvent
from placet.contracts.text import NAME, WORDS, counted, one_line

_OUTCOMES: Final = {
    "ok": "answered",
    "invalid_output": "answered something that is not valid",
    "unreachable": "could not be reached",
    "timeout": "did not answer in time",
    "refused": "refused to answer",
    "not_permitted": "may not be asked",
    "misconfigured": "is not configured in order",
}
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One use of a model."""

    step: str
    model: str
    route: str
    where: str
    outcome: str
    detail: str
    tokens: str
    cost: str
    seconds: str


def total_of(events: Sequence[AuditEvent]) -> str:
    """Return how often models were asked, how long that took, and what it cost; empty where none was."""
    uses = _uses(events)
    if not uses:
        return ""
    seconds, cost = sum(use.latency_ms for use in uses) / 1000, sum(use.cost_microusd for use in uses)
    price = f"{cost / _MICRO:.4f} USD" if cost else "no cost"
    return f"{counted(len(uses), 'attempt')}, {seconds:.1f} s, {price}"


def attempts_of(events: Sequence[AuditEvent]) -> tuple[Attempt, ...]:
    """Return each use of a model, in the order of the record; one that cannot be read is left out."""
    return tuple(map(_attempt, _uses(events)))


def _uses(events: Sequence[AuditEvent]) -> list[ModelUse]:
    found = []
    for event in events:
        uses = event.body.get("model_use")
        for use in uses if isinstance(uses, list) else ():
            try:
                found.append(ModelUse.model_validate(use))
            except ValidationError:
                continue
    return found


def _attempt(use: ModelUse) -> Attempt:
    return Attempt(
        step={"analyse": "Analyse the history", "propose": "Propose"}.get(use.task, one_line(use.task, NAME)),
        model=one_line(use.model, NAME),
        route=one_line(use.route, NAME),
        where="inside the operator's network" if use.perimeter == "inside" else "outside the operator's network",
        outcome=_OUTCOMES[use.outcome],
        detail=one_line(use.detail, WORDS),
        tokens=f"{use.prompt_tokens} read, {use.completion_tokens} written",
        cost=f"{use.cost_microusd / _MICRO:.4f} USD" if use.cost_microusd else "nothing",
        seconds=f"{use.latency_ms / 1000:.1f} s",
    )
