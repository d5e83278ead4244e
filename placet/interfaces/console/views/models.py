"""Which models were asked, what they used of time, tokens and money."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
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
_WHERE: Final = {"inside": "inside the operator's network", "outside": "outside the operator's network"}
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


@dataclass(frozen=True, slots=True)
class Route:
    """One route to a model, as it did lately."""

    model: str
    route: str
    where: str
    asked: int
    failed: int
    median: str
    slowest: str
    cost: str


def routes_of(events: Sequence[AuditEvent]) -> tuple[Route, ...]:
    """Return each route that these entries used, by name, with how often it failed, how long it took and its price."""
    by: dict[tuple[str, str, str], list[ModelUse]] = {}
    for use in _uses(events):
        by.setdefault((use.model, use.route, use.perimeter), []).append(use)
    return tuple(_route(uses) for _, uses in sorted(by.items()))


def _route(uses: Sequence[ModelUse]) -> Route:
    times, cost = sorted(use.latency_ms for use in uses), sum(use.cost_microusd for use in uses)
    return Route(
        model=one_line(uses[0].model, NAME),
        route=one_line(uses[0].route, NAME),
        where=_WHERE[uses[0].perimeter],
        asked=len(uses),
        failed=sum(use.outcome != "ok" for use in uses),
        median=f"{median_low(times) / 1000:.1f} s",
        slowest=f"{times[-1] / 1000:.1f} s",
        cost=_price(cost),
    )


def _price(micro: int) -> str:
    return f"{micro / _MICRO:.4f} USD" if micro else "nothing"


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
        where=_WHERE[use.perimeter],
        outcome=_OUTCOMES[use.outcome],
        detail=one_line(use.detail, WORDS),
        tokens=f"{use.prompt_tokens} read, {use.completion_tokens} written",
        cost=_price(use.cost_microusd),
        seconds=f"{use.latency_ms / 1000:.1f} s",
    )
