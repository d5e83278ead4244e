"""What a care agent makes of a decision: three reasons to say aloud, what not to offer, and what else could be.

Sentences of the strategy come first: a person signed them. Where they are fewer, plain facts of the customer are added,
which anybody who speaks with them may say. Nothing is made up: where there is no third, there are two.
"""

from collections.abc import Callable, Iterator
from typing import Final

from placet.contracts.proposal import Reason
from placet.contracts.strategies.decision import Assist, Fell, NextBestAction, NotOffered, Said, Weighed
from placet.contracts.text import counted
from placet.decisioning.cohorts.flattening import Row

MOST_REASONS: Final = 3
_YEAR: Final = 365
_OFTEN: Final = 8
_LEFT_OUT: Final[frozenset[Fell | None]] = frozenset({None, "outranked", "cohort"})
"""Where a treatment is nothing that an agent must be warned of: it is chosen, or second best, or for other people."""


def assist_of(found: NextBestAction, row: Row) -> Assist:
    """Return what a care agent says and leaves out.

    Args:
        found: The decision.
        row: The customer, as it was decided on.
    """
    return Assist(
        say=tuple(_reasons(found.chosen, row))[:MOST_REASONS],
        not_offer=tuple(map(_not_offered, (one for one in found.weighed if one.fell not in _LEFT_OUT))),
        instead=tuple(map(_not_offered, (one for one in found.weighed if one.fell == "outranked"))),
    )


def _reasons(chosen: Weighed | None, row: Row) -> Iterator[Said]:
    """Yield what speaks for the offer: nothing where there is none."""
    if chosen is None:
        return
    for reason in chosen.because:
        yield Said(source="strategy", reason=reason)
    for code, say in _FACTS.items():
        words = say(row)
        if words:
            yield Said(source="customer", reason=Reason(code=code, detail=words))


def _not_offered(one: Weighed) -> NotOffered:
    return NotOffered(strategy=one.strategy, treatment=one.treatment, title=one.title, fell=one.fell, reason=one.reason)


def _tenure(row: Row) -> str:
    days = row["tenure_days"]
    known = isinstance(days, int) and days >= _YEAR
    return f"You have been with us for {counted(int(str(days)) // _YEAR, 'year')}." if known else ""


def _products(row: Row) -> str:
    products = row["products"]
    return f"You hold {products} products with us." if isinstance(products, int) and products > 1 else ""


def _app(row: Row) -> str:
    visits = row["app_visits_30d"]
    return "You use our app regularly." if isinstance(visits, int) and visits >= _OFTEN else ""


def _recharges(row: Row) -> str:
    recharges = row["recharges_90d"]
    often = isinstance(recharges, int) and recharges >= MOST_REASONS
    return "You recharge regularly." if often else ""


_FACTS: Final[dict[str, Callable[[Row], str]]] = {
    "long_with_us": _tenure,
    "several_products": _products,
    "recharges_regularly": _recharges,
    "uses_the_app": _app,
}
"""What may be said of any customer who has it: kind, true, and nothing that they would not tell a stranger."""
