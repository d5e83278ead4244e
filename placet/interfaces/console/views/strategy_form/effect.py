"""What a changed strategy would do to the base, beside the one that somebody began with."""

from collections.abc import Iterator
from dataclasses import dataclass

from placet.contracts.strategies.preview import StrategyPreview
from placet.interfaces.telling.kpis import left_out_in_words


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One figure; `before` is empty where there is none."""

    what: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class EffectShown:
    """All figures, and what must be known beside them."""

    rows: tuple[EffectRow, ...]
    notes: tuple[str, ...]
    compared: bool


def effect_of(before: StrategyPreview | None, now: StrategyPreview) -> EffectShown:
    """Return two previews side by side."""
    old = {} if before is None else {key: (what, figure) for key, what, figure in _figures(before)}
    new = {key: (what, figure) for key, what, figure in _figures(now)}
    rows = [EffectRow(what, old.get(key, ("", ""))[1], figure) for key, (what, figure) in new.items()]
    rows += [EffectRow(what, figure, "not given any more") for key, (what, figure) in old.items() if key not in new]
    return EffectShown(tuple(rows), tuple(_notes(now)), before is not None)


def _figures(found: StrategyPreview) -> Iterator[tuple[str, str, str]]:
    """Yield each figure with what it is by, in all versions alike, and for people."""
    could = found.members - found.other_currency - found.control - found.could_get_none
    yield "members", "Customers for whom it is", f"{found.members:,} of {found.base:,}"
    yield "control", "Of them in the control group", f"{found.control:,}"
    yield "could", "Could get something", f"{could:,}"
    yield "none", "Could get nothing", f"{found.could_get_none:,}"
    yield "cost", "Cost, if everybody got the dearest", f"{found.most_cost} at most"
    enough = found.most_cost.amount_minor <= found.budget.amount_minor
    yield "budget", "Budget", f"{found.budget}, {'enough for that' if enough else 'not enough for that'}"
    for one in found.treatments:
        yield f"treatment {one.code}", f"Could get: {one.title}", f"{one.could_get:,}, at most {one.at_most} each"


def _notes(found: StrategyPreview) -> Iterator[str]:
    if found.simulated:
        yield f"{found.simulated:,} of all customers have simulated events: nothing of them is real."
    if found.unknown:
        yield f"Of {found.unknown:,} customers what the condition asks is not known: they are not in it."
    if found.left_out:
        yield f"{left_out_in_words(found.left_out, found.unreadable)}."
    if found.other_currency:
        yield f"{found.other_currency:,} of them pay in another currency: they get nothing."
