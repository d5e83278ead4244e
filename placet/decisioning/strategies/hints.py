"""What is sound and probably not meant: whoever signs a strategy should look at it once more."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from placet.contracts.strategies.strategy import Market, Strategy
from placet.contracts.strategies.treatment import CreditBalance, Staying, StrategyTreatment
from placet.contracts.strategies.written import WHOLE
from placet.contracts.text import spoken
from placet.decisioning.strategies.problems import Path, Problem, warning

_LOOK_LIKE: Final = str.maketrans("аеорсухіјѕԁһӏвкмнтαονρτικ01i|", "aeopcyxljsdhlbkmhtaovptlkolll")  # noqa: RUF001 - it is about them
"""Letters of other alphabets, and digits, that are taken for Latin letters; a capital i for a small L."""


@dataclass(frozen=True, slots=True)
class Here:
    """When and where a strategy is checked.

    Attributes:
        at: Now.
        agents: The applications that this installation has.
    """

    at: datetime
    agents: Collection[str]


def day_there(at: datetime, market: Market) -> date:
    """Return which day it is in a market whose time zone there is."""
    try:
        return at.astimezone(ZoneInfo(market.time_zone)).date()
    except OverflowError:  # the first or the last day of the calendar, which is another one there
        return at.date()


def hint_problems(strategy: Strategy) -> Iterator[Problem]:
    """Yield what a strategy hardly means, wherever it is checked."""
    yield from _service(strategy)
    yield from _rails(strategy)
    yield from treatment_hints(strategy.treatments)


def treatment_hints(treatments: Sequence[StrategyTreatment]) -> Iterator[Problem]:
    """Yield what treatments hardly mean."""
    yield from _assumptions(treatments)
    # Two equal codes are an error, which is told elsewhere.
    yield from _alike(list(dict.fromkeys(one.code for one in treatments)), "code")
    yield from _alike([one.title for one in treatments], "title")


def here_problems(strategy: Strategy, here: Here) -> Iterator[Problem]:
    """Yield what does not fit the day or the installation; a strategy of which the rest is sound."""
    today = day_there(here.at, strategy.market)
    if strategy.term.last < today:
        said = f"it ended on {strategy.term.last}, and today is {today}: nobody would be told anything"
        yield warning(("term", "last"), said)
    if strategy.agent not in here.agents:
        said = f"there is no application {strategy.agent!r} here; known: {', '.join(sorted(here.agents))}"
        yield warning(("agent",), said)


def _service(strategy: Strategy) -> Iterator[Problem]:
    """Yield that a message of service sells: it needs no consent because it must not."""
    if strategy.contact.purpose != "service":
        return
    sells = [
        repr(one.title)
        for one in strategy.treatments
        if not (isinstance(one.action, CreditBalance) and isinstance(one.value, Staying))
    ]
    if sells:
        said = f"a message of service asks for no consent and must not sell, and this offers {', '.join(sells)}"
        yield warning(("contact", "purpose"), said)


def _assumptions(treatments: Sequence[StrategyTreatment]) -> Iterator[Problem]:
    for number, treatment in enumerate(treatments):
        at, value = ("treatments", number, "value"), treatment.value
        if isinstance(value, Staying):
            if value.removes == WHOLE:
                yield warning((*at, "removes"), "it is assumed that nobody who gets it leaves; no treatment does that")
        elif value.chance == WHOLE:
            yield warning((*at, "chance"), "it is assumed that everybody takes it up; no offer does that")


def _rails(strategy: Strategy) -> Iterator[Problem]:
    for number, rail in enumerate(strategy.rollout.guard_rails):
        margin, measure = rail.by_more_than, spoken(rail.measure)
        # A share cannot move by more than all, and an amount cannot fall by more than all of it; it may double.
        if margin.hundredths == WHOLE and (margin.unit == "points" or rail.must_not == "fall"):
            at: Path = ("rollout", "guard_rails", number, "by_more_than")
            yield warning(at, f"{measure} cannot {rail.must_not} by more than {margin}: this stops nothing, ever")


def _alike(names: Sequence[str], field: str) -> Iterator[Problem]:
    seen = dict[str, int]()
    for number, name in enumerate(names):
        first = seen.setdefault(looks(name), number)
        if first != number:
            said = f"{name!r} looks like {names[first]!r}; whoever signs may mix them up"
            yield warning(("treatments", number, field), said)


def looks(name: str) -> str:
    """Return what a name looks like at a glance: the same for names that are easily mixed up."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_LOOK_LIKE)
    return "".join(character for character in plain if not character.isspace() and character not in "_-")
