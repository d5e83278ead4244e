"""Ready strategies for a market, as data: `library/` has a template of each package, and the facts of each market.

A template is the YAML of a strategy with placeholders, a closed set: `{{market}}`, `{{currency}}`, `{{time_zone}}`,
`{{name}}`, `{{first}}`, `{{last}}`, and amounts such as `{{20 % of monthly}}`: that share of what a customer of the
market spends in a month. What is written from one has been checked as any strategy is.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from placet.contracts.base import NAME_OF_OURS, Frozen
from placet.contracts.money import Money
from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import Market, StrategyName
from placet.contracts.strategies.treatment import Sentence, Title
from placet.contracts.strategies.written import Amount
from placet.contracts.text import NAME, counted, one_line, shortened
from placet.decisioning.strategies.reading import read_strategy
from placet.errors import ConfigurationError, UsageError
from placet.toml_files import parse_toml

Lifecycle = Literal["onboarding", "growth", "retention", "win_back"]
Journey = Literal[
    "wallet_activation",
    "unified_inbound_offer",
    "spend_triggered_offer",
    "family_convergence",
    "gaming_persona",
    "silent_churn_prevention",
]
"""The six journeys of ecosystem CVM."""

MOST_MONTHLY: Final = 10**9
"""Minor units: with more, the sums of a package leave what an amount can be written with."""

_NAME: Final[TypeAdapter[str]] = TypeAdapter(StrategyName)
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_SHARE: Final = re.compile(r"([1-9][0-9]{0,4}) % of monthly", re.ASCII)
_KEPT_DIGITS: Final = 2


class Package(Frozen):
    """One ready strategy.

    Attributes:
        name: By which commands know it; its template is called the same.
        title: For people.
        about: What it does, in one sentence.
        objective: What it is measured by.
        lifecycle: The part of a customer's life that it is for.
        journey: Which of the six journeys it serves; None: none of them.
        least_days: The fewest days it may run: its stages are watched one after the other.
    """

    name: Annotated[str, Field(pattern=NAME_OF_OURS)]
    title: Title
    about: Sentence
    objective: Measure
    lifecycle: Lifecycle
    journey: Journey | None = None
    least_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]


class MarketFacts(Market):
    """What is known of a market.

    Attributes:
        title: The country's name.
        monthly: What a customer spends in a month as a rule; None: the operator must say it.
    """

    title: Title
    monthly: Amount | None = None

    @model_validator(mode="after")
    def _spends_its_own_currency(self) -> Self:
        if self.monthly is not None and self.monthly.currency != self.currency:
            raise ValueError(f"{self.monthly} is not in {self.currency}")
        return self


class _Packages(Frozen):
    package: tuple[Package, ...]


class _Markets(Frozen):
    market: tuple[MarketFacts, ...]


@cache
def packages() -> tuple[Package, ...]:
    """Return all packages, along a customer's life.

    Raises:
        ConfigurationError: a file of ours is wrong.
    """
    found = parse_toml(_file("packages.toml"), _Packages, "the list of packages").package
    if len({package.name for package in found}) != len(found):
        raise ConfigurationError("the list of packages has a name twice")
    return found


@cache
def markets() -> tuple[MarketFacts, ...]:
    """Return all markets, by their codes.

    Raises:
        ConfigurationError: a file of ours is wrong.
    """
    found = parse_toml(_file("markets.toml"), _Markets, "the list of markets").market
    codes = [market.code for market in found]
    if codes != sorted(set(codes)):
        raise ConfigurationError("the list of markets has a code twice, or is not in the order of codes")
    return found


def package_named(name: str) -> Package:
    """Return a package by its name.

    Raises:
        UsageError: code `unknown_package`.
    """
    found = next((one for one in packages() if one.name == name), None)
    if found is None:
        close = get_close_matches(name, [one.name for one in packages()], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`placet strategy packages` shows them"
        raise UsageError(f"no package is called {shortened(name, NAME)!r}; {hint}", code="unknown_package")
    return found


def market_named(code: str) -> MarketFacts:
    """Return a market by its code, or by its title.

    Raises:
        UsageError: code `unknown_market`.
    """
    found = next((one for one in markets() if code.lower() in {one.code, one.title.lower()}), None)
    if found is None:
        titles = {one.title.lower(): one.code for one in markets()}
        close = get_close_matches(code.lower(), titles, n=1)
        hint = f"did you mean {titles[close[0]]!r}?" if close else "`placet strategy markets` shows them"
        raise UsageError(f"no market is called {shortened(code, NAME)!r}; {hint}", code="unknown_market")
    return found


def written(package: Package, market: MarketFacts, *, name: str, monthly: Money | None, first: date, days: int) -> str:
    """Return a package as the YAML of a strategy for a market, for people to change.

    Args:
        package: One of `packages`.
        market: One of `markets`.
        name: What the strategy is to be called.
        monthly: What a customer spends in a month as a rule; None: what is known of the market.
        first: The first day on which it runs.
        days: On how many days it runs.

    Raises:
        UsageError: one of them is none, or does not fit the others.
        ConfigurationError: the template is wrong.
    """
    spent = _usual_spend(market, monthly)
    last = _last_day(package, first, days)
    words = {
        "market": market.code,
        "currency": market.currency,
        "time_zone": market.time_zone,
        "name": _checked_name(name),
        "first": first.isoformat(),
        "last": last.isoformat(),
    }
    source = f"the package {package.name}.yaml"
    text = filled(_file(f"{package.name}.yaml"), words, spent, source)
    read = read_strategy(text)
    if read.strategy is None:
        fault = next(one for one in read.findings if one.severity == "error")
        raise ConfigurationError(f"{source}:{fault.line}: {fault.where}: {fault.said}")
    return text


def filled(template: str, words: Mapping[str, str], monthly: Money, source: str) -> str:
    """Return a template with its placeholders replaced; `source` names it in errors.

    Raises:
        ConfigurationError: it has a placeholder that there is not, or one that does not end.
    """

    def replaced(found: re.Match[str]) -> str:
        placeholder = found[1]
        share = _SHARE.fullmatch(placeholder)
        if share is not None:
            return str(share_of(monthly, int(share[1])))
        if placeholder not in words:
            known = ", ".join(f"{{{{{word}}}}}" for word in (*words, "20 % of monthly"))
            shown = shortened(placeholder, NAME)
            raise ConfigurationError(f"{source}: there is no placeholder {{{{{shown}}}}}; known: {known}")
        return words[placeholder]

    text = _PLACEHOLDER.sub(replaced, template)
    if "{{" in text:
        line = next(line for line in text.splitlines() if "{{" in line)
        raise ConfigurationError(f"{source}: a placeholder does not end: {shortened(line.strip(), NAME)!r}")
    return text


def share_of(monthly: Money, percent: int) -> Money:
    """Return a share of what a customer spends in a month, rounded down to two significant digits.

    It is never below the smallest unit, and a larger share is never the smaller amount.
    """
    minor = monthly.amount_minor * percent // 100
    step: int = 10 ** max(0, len(str(minor)) - _KEPT_DIGITS)
    return Money(amount_minor=max(1, minor // step * step), currency=monthly.currency)


def _checked_name(name: str) -> str:
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        said = (
            "no name of a strategy, such as 'keep_at_risk': small letters, digits and '_', a letter first, at most 48"
        )
        raise UsageError(f"{one_line(name, NAME)!r} is {said}") from None


def _usual_spend(market: MarketFacts, monthly: Money | None) -> Money:
    spent = market.monthly if monthly is None else monthly
    if spent is None:
        said = f"say what a customer of this market ({market.title}) spends in a month as a rule with --monthly, an"
        raise UsageError(f"{said} amount in {market.currency}: none is known")
    if spent.currency != market.currency:
        said = f"customers of this market ({market.title}) spend {market.currency}; write --monthly in it"
        raise UsageError(f"{spent}: {said}")
    if spent.amount_minor <= 0:
        raise UsageError(f"{spent} in a month is nothing to take shares of; write what a customer spends as a rule")
    if spent.amount_minor > MOST_MONTHLY:
        most = Money(amount_minor=MOST_MONTHLY, currency=spent.currency)
        raise UsageError(f"{spent} in a month is more than one customer spends; write {most} at most")
    return spent


def _last_day(package: Package, first: date, days: int) -> date:
    if not 1 <= days <= MOST_DAYS:
        raise UsageError(f"{days} days: a strategy runs on 1 to {MOST_DAYS} days")
    if days < package.least_days:
        needs = f"{package.name!r} needs {package.least_days} days or more, for its stages are watched in turn"
        raise UsageError(f"{counted(days, 'day')}: {needs}")
    try:
        return first + timedelta(days=days - 1)
    except OverflowError:
        raise UsageError(f"{counted(days, 'day')} from {first} on: the calendar ends before") from None


def _file(name: str) -> str:
    folder = resources.files("placet.decisioning.strategies").joinpath("library")
    return folder.joinpath(name).read_text(encoding="utf-8")


def docs_table() -> str:
    """Return the table of packages in docs/strategies.md."""
    lines = ["| package | what it does | for | journey | measured by |", "|---|---|---|---|---|"]
    for one in packages():
        words = (one.lifecycle, one.journey or "none", one.objective)
        lifecycle, journey, objective = (word.replace("_", " ") for word in words)
        lines.append(f"| `{one.name}` | {one.about} | {lifecycle} | {journey} | {objective} |")
    return "\n".join(lines)
