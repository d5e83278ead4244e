"""What became of a strategy's customers, in sentences for people and as a table for other programs."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from placet.contracts.money import Money, minor_digits
from placet.contracts.outcomes.figures import MILLION, Between, GroupFigures, Millionths, Unknown
from placet.contracts.outcomes.report import GroupKind, MeasuredOutcome, NotKnownOf, OutcomeGroup, OutcomesReport
from placet.contracts.outcomes.uplift import Uplift
from placet.contracts.outcomes.windows import Days, NotKnown
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.interfaces.telling.outcomes import uplift_value_in_words

DID: Final[Mapping[Measure, str]] = {
    "churn": "did nothing for {quiet} days",
    "conversion": "accepted an offer",
    "spend": "spent",
    "complaints": "complained",
    "refusals": "refused an offer",
    "products": "hold three products or more",
    "wallet_use": "paid by the wallet",
}
"""What customers did in a window, by what is measured."""
WHY: Final[Mapping[NotKnown, str]] = {
    "altered": "their row was altered since they were taken down",
    "erased": "they were erased on request",
    "gone": "nothing is kept of them any more",
    "removed": "retention took events of these days away",
    "unreadable": "a row of theirs cannot be read",
}
CSV_COLUMNS: Final = (
    "strategy", "version", "days", "group", "name", "treated", "control", "measure", "unit", "treated_mean",
    "control_mean", "difference", "low", "high", "confidence", "narrowed", "plain_low", "plain_high", "clear",
    "why_unknown",
)  # fmt: skip
_MONTH: Final = 30
_POINT: Final = MILLION // 100
_ONE: Final = 1.0


def told(report: OutcomesReport) -> OutcomesReport:
    """Return a report with its sentences."""
    groups = tuple(_group(one, report) for one in report.groups)
    not_known = tuple(one.model_copy(update={"said": _not_known(one)}) for one in report.not_known)
    return report.model_copy(update={"groups": groups, "not_known": not_known})


def only(report: OutcomesReport, kind: GroupKind) -> OutcomesReport:
    """Return a report with all customers and the groups of one kind. What was compared stays what it was."""
    return report.model_copy(update={"groups": tuple(one for one in report.groups if one.kind in ("all", kind))})


def summary(report: OutcomesReport) -> Iterator[str]:
    """Yield what is to be known before any figure is read."""
    after = f"{report.days} days after they entered"
    if not report.members:
        due = "" if report.first_due is None else f"; the first are due on {minute(report.first_due)}"
        yield f"no customer's {report.days} days are over and counted yet ({report.waits:,} wait){due}"
        return
    yield f"{counted(report.members, 'customer')} are counted, {after}"
    if report.waits:
        yield (
            f"{report.waits:,} more entered and are not counted yet: these figures are not the last ones, and whoever "
            "decides at the first good look is fooled by chance"
        )
    if report.simulated:
        yield f"of {report.simulated:,} of them there are SIMULATED events"
    for one in report.not_known:
        yield _not_known(one)
    if report.comparisons > 1:
        yield (
            f"{report.comparisons} differences were looked at beside the one that the strategy is for; of so many some "
            f"look good by chance, so one is called clear only by an interval of {share_in_words(report.adjusted_bp)}"
        )


def outcome_in_words(one: MeasuredOutcome, days: Days, currency: str) -> str:
    """Say one difference: how large, between what, and whether it may be chance."""
    found = one.found
    if isinstance(found, Unknown):
        return f"{one.title}: not known: {found.detail}"
    did = DID[one.measure].format(quiet=min(days, _MONTH))
    sure = share_in_words(found.confidence_bp)
    if one.unit == "amount":
        scale, per = over(days)
        apart = amount_apart(found.difference, scale, currency)
        between = amount_between(found.between, scale, currency)
        said = f"Customers who were treated {did} {apart} {per} than the control group"
    else:
        apart, between = points_apart(found.difference), points_between(found.between)
        rates = f"{_percent(found.treated)} against {_percent(found.control)}"
        said = f"Of the customers who were treated {apart} {did} than of the control group ({rates})"
        if found.difference == 0:
            said = (
                f"As many of the customers who were treated {did} as of the control group ({_percent(found.control)})"
            )
    return f"{said}; with {sure} confidence {between}{_chance(one, found)}"


def _group(one: OutcomeGroup, report: OutcomesReport) -> OutcomeGroup:
    measures = tuple(
        each.model_copy(update={"said": outcome_in_words(each, report.days, report.currency)}) for each in one.measures
    )
    said = ""
    if one.value is not None:
        margin = f"{share_in_words(report.margin)} of what was spent more is margin"
        said = f"{uplift_value_in_words(one.value)}; {margin}"
    return one.model_copy(update={"measures": measures, "value_said": said})


def _chance(one: MeasuredOutcome, found: Uplift) -> str:
    if not found.certain:
        return "; it may be chance"
    return "" if one.clear else "; among so many comparisons it may be chance"


def over(days: Days) -> tuple[float, str]:
    """Return by what amounts of so many days are multiplied, and of what they then are."""
    return (1.0, f"in {days} days") if days < _MONTH else (_MONTH / days, "a month")


def amount_apart(figure: Millionths, scale: float, currency: str) -> str:
    """Say an amount of one customer as so much more or less."""
    return f"{_money(abs(figure), scale, currency)} {'less' if figure < 0 else 'more'}"


def _money(figure: Millionths, scale: float, currency: str) -> str:
    return str(Money(amount_minor=round(figure * scale / MILLION), currency=currency))


def amount_between(ends: Between, scale: float, currency: str) -> str:
    """Say between which amounts a difference is."""
    if ends.low * ends.high > 0:
        small, large = sorted((abs(ends.low), abs(ends.high)))
        return f"between {_money(small, scale, currency).split()[0]} and {_money(large, scale, currency)}"
    return f"between {amount_apart(ends.low, scale, currency)} and {amount_apart(ends.high, scale, currency)}"


def points_apart(figure: Millionths) -> str:
    """Say a difference of shares in points."""
    return f"{_decimals(abs(figure) / _POINT)} points {'fewer' if figure < 0 else 'more'}"


def points_between(ends: Between) -> str:
    """Say between how many points a difference is."""
    if ends.low * ends.high > 0:
        small, large = sorted((abs(ends.low), abs(ends.high)))
        return f"between {_decimals(small / _POINT)} and {_decimals(large / _POINT)} points"
    return f"between {points_apart(ends.low)} and {points_apart(ends.high)}"


def _percent(group: GroupFigures) -> str:
    return f"{_decimals(group.mean / _POINT)} %"


def _decimals(number: float) -> str:
    return f"{number:.2f}" if 0 < abs(number) < _ONE else f"{number:.1f}"


def _not_known(one: NotKnownOf) -> str:
    groups = f"{one.treated:,} treated customers and {one.control:,} of the control group"
    return f"of {groups} nothing is known: {WHY[one.why]}"


def report_as_csv(report: OutcomesReport) -> str:
    """Return a report as CSV (RFC 4180): shares in per cent, money in whole units of the currency."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(CSV_COLUMNS)
    for group in report.groups:
        head = (report.strategy, report.version, report.days, group.kind, group.name, group.treated, group.control)
        for one in group.measures:
            unit = "%" if one.unit == "share" else report.currency
            rows.writerow((*head, one.measure, unit, *_figures(one, report.currency)))
    return text.getvalue()


def _figures(one: MeasuredOutcome, currency: str) -> tuple[object, ...]:
    found = one.found
    if isinstance(found, Unknown):
        return (*[""] * 10, found.detail)

    def plain(figure: Millionths) -> str:
        return f"{figure / (_POINT if one.unit == 'share' else MILLION * 10 ** minor_digits(currency)):.6f}"

    narrowing = found.narrowing
    before = found.between if narrowing is None else narrowing.plain_between
    figures = (found.treated.mean, found.control.mean, found.difference, found.between.low, found.between.high)
    narrowed = narrowing is not None and narrowing.used
    tail = (share_in_words(found.confidence_bp), _yes(narrowed), plain(before.low), plain(before.high))
    return (*map(plain, figures), *tail, _yes(bool(one.clear)), "")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
