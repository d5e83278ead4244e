"""The figures that the trade knows, and how every figure is said in a sentence.

A figure with a direction is one where an exception in a table would be chance or a fault in the data. The model may not
learn it: an approver would be told that a disputed bill makes a customer stay.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from placet.contracts.propensity.mapping import Direction, Feature, Kind, Mapping
from placet.contracts.text import counted
from placet.errors import ConfigurationError

Value = float | str | bool | None
"""A cell that was read: a number, the words of a choice, a flag, or nothing."""


MOST_TOLD: Final = 8
"""Faults of a mapping that are told at once."""

_EXACT: Final = 1e15
"""Below it, a floating-point number holds every whole number."""


@dataclass(frozen=True, slots=True)
class Known:
    """A figure of the trade."""

    kind: Kind
    say: Callable[[float], str]
    direction: Direction | None = None
    why: str | None = None


def plain(value: float) -> str:
    """Return a number with all its digits: `1234567`, where the usual short form rounds to `1.23457e+06`."""
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    # The shortest digits that give the same number; an exponent only where it would be a line of noughts.
    return repr(value)


def _contract(value: float) -> str:
    return "a month-to-month contract" if value == 0 else f"a contract of {plain(value)} months"


def _charge(value: float) -> str:
    return f"a monthly charge of {value:.2f}"


def _times(one: str, many: str = "") -> Callable[[float], str]:
    return lambda value: f"having no {one}" if value == 0 else f"having {_count(value, one, many)}"


def _count(value: float, one: str, many: str = "") -> str:
    return counted(int(value), one, many) if value.is_integer() else f"{plain(value)} {many or one + 's'}"


KNOWN: Final[dict[str, Known]] = {
    "tenure_months": Known(
        "number",
        lambda value: f"being a customer for {_count(value, 'month')}",
        "fewer_leave",
        "who has stayed longer has had more chances to leave and did not take them",
    ),
    "contract_months": Known("number", _contract, "fewer_leave", "a contract that binds longer makes leaving dearer"),
    "monthly_charge": Known("number", _charge),
    "late_bills": Known(
        "number", _times("late bill"), "more_leave", "a bill that is paid late is a sign of money or of anger"
    ),
    "disputed_bills": Known(
        "number", _times("disputed bill"), "more_leave", "who disputes a bill is dissatisfied with it"
    ),
    "network_faults": Known(
        "number", _times("network fault"), "more_leave", "a fault in the network never made anybody stay"
    ),
    "competitor_signals": Known(
        "number",
        _times("sign of a competitor", "signs of a competitor"),
        "more_leave",
        "who looks at a competitor thinks of leaving",
    ),
}
"""By name; a mapping that uses one gets its kind, words and direction, and cannot turn the direction round."""


def kind_of(feature: Feature) -> Kind:
    """Return whether it is a number, a flag or a choice.

    Raises:
        ConfigurationError: the mapping does not say, or contradicts what the trade knows.
    """
    known = KNOWN.get(feature.name)
    if known is None:
        if feature.kind is not None:
            return feature.kind
        raise ConfigurationError(
            f"feature {feature.name!r} needs a kind (number, flag or choice), and words for a number or a flag; "
            f"without them it must be one of {', '.join(KNOWN)}"
        )
    if feature.kind not in (None, known.kind):
        raise ConfigurationError(
            f"feature {feature.name!r} is a {known.kind}, not a {feature.kind}; leave its kind out"
        )
    return known.kind


def direction_of(feature: Feature) -> tuple[Direction | None, str | None]:
    """Return which way the figure works, and why; the trade's word comes first.

    Raises:
        ConfigurationError: the mapping turns it round, or gives one to a choice.
    """
    known = KNOWN.get(feature.name)
    if known is not None and known.direction is not None:
        if feature.direction not in (None, known.direction):
            raise ConfigurationError(
                f"feature {feature.name!r} cannot work the other way round: {known.why}; leave its direction out"
            )
        return known.direction, known.why
    if feature.direction is not None and kind_of(feature) == "choice":
        raise ConfigurationError(f"feature {feature.name!r} is a choice, which has no direction; leave it out")
    return feature.direction, feature.why


def check_mapping(mapping: Mapping) -> None:
    """Check that every feature says what its kind needs.

    Raises:
        ConfigurationError: some do not; it names them all, up to a bound.
    """
    _refuse([fault for feature in mapping.features for fault in _faults(feature)])


def check_new(mapping: Mapping) -> None:
    """Check a mapping that a model is to be trained by: also that there is what it has runs read of the live state.

    Raises:
        ConfigurationError: it is wrong; all that is wrong is named, up to a bound.
    """
    faults = [fault for feature in mapping.features for fault in _faults(feature)]
    _refuse([*faults, *mapping.figure_faults, *(fault for one in mapping.features for fault in _cell_faults(one))])


def _refuse(faults: list[str]) -> None:
    if faults:
        more = f"; and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
        raise ConfigurationError(f"the mapping is wrong: {'; '.join(faults[:MOST_TOLD])}{more}")


def _cell_faults(feature: Feature) -> Iterator[str]:
    """Yield what a run would write into a cell of a choice or flag and no table can have: it could not be read."""
    known = {*feature.choices, *feature.yes, *feature.no}
    if feature.run is None or not known:
        return
    for read, cell in feature.run.cells.items():
        if cell not in known:
            has = ", ".join(map(repr, sorted(known)[:MOST_TOLD]))
            yield f"feature {feature.name!r}: run writes {cell!r} for {read!r}, and the table has {has}"


def _faults(feature: Feature) -> Iterator[str]:
    """Yield what is wrong with a feature, each with its name."""
    try:
        kind = kind_of(feature)
        direction_of(feature)
    except ConfigurationError as error:  # what else it needs follows from its kind
        yield str(error)
        return
    name = f"feature {feature.name!r}"
    given = {
        "numbers": bool(feature.numbers),
        "least and most": feature.least is not None or feature.most is not None,
        "choices": bool(feature.choices),
        "yes and no": bool(feature.yes or feature.no),
    }
    mine = {"number": ("numbers", "least and most"), "choice": ("choices",), "flag": ("yes and no",)}[kind]
    for other in (what for what, there in given.items() if there and what not in mine):
        yield f"{name} is a {kind}, which has no {other}; leave that out"
    if kind == "choice" and len(feature.choices) < 2:  # noqa: PLR2004 - else there is nothing to choose
        yield f"{name} is a choice: list at least two values under choices"
    if kind == "flag" and not (feature.yes and feature.no):
        yield f"{name} is a flag: say with yes and no what is written for each"
    if kind == "flag" and feature.words is None:
        yield f"{name} needs words, which sentences are made of: what is held, as in words = 'technical support'"
    needs_value = feature.name not in KNOWN if feature.words is None else feature.words.count("{value}") != 1
    if kind == "number" and needs_value:
        what = "needs words, which" if feature.words is None else "has words that"
        yield f"{name} {what} must hold {{value}} once, as in words = 'a monthly charge of {{value}}'"


def said(feature: Feature, value: Value) -> str:
    """Return a value in the words of a sentence: `a month-to-month contract`."""
    if value is None:
        return f"not knowing {feature.name.replace('_', ' ')}"
    if isinstance(value, bool):
        return str(feature.words) if value else f"no {feature.words}"
    if isinstance(value, str):
        return feature.choices[value]
    if feature.words is not None:
        return feature.words.replace("{value}", plain(value))
    return KNOWN[feature.name].say(value)
