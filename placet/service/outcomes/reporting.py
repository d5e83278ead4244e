"""The report of a strategy's outcomes: made once of what was counted, kept on the record, shown as often as wanted."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl
from pydantic import ValidationError

from placet.contracts.money import Money
from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.report import GroupKind, MeasuredOutcome, NotKnownOf, OutcomeGroup, OutcomesReport
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.contracts.outcomes.windows import Days, NotKnown
from placet.contracts.strategies.rollout import Measure
from placet.decisioning.cohorts.segments import library
from placet.decisioning.outcomes.comparing import Column, Sides, clear_ones
from placet.decisioning.outcomes.groups import FEWEST, unknown
from placet.decisioning.outcomes.money import value_of
from placet.decisioning.outcomes.sample_ratio import sample_ratio
from placet.decisioning.windows.counting import MEASURES
from placet.errors import GovernanceError, UsageError
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import canonical_bytes
from placet.service.outcomes.entering import RolledOut, entry_of, reached_by, rolled_out
from placet.service.outcomes.reading import COUNTED, read_outcomes
from placet.service.strategies.publishing import find_published
from placet.storage.database import Database
from placet.storage.transaction import Transaction

REPORTED: Final = "outcomes.reported"
REPORT_MEDIA_TYPE: Final = "application/vnd.placet.outcomes+json"
LATE: Final = timedelta(days=3)
"""After the end of a window: events of it may still be on their way."""
_WORKER: Final = "worker"
_WHOLE: Final = 10_000


class _Group:
    """One group of the report, before it is compared."""

    def __init__(self, kind: GroupKind, name: str, title: str, frame: pl.DataFrame, planned: tuple[int, int]) -> None:
        known = frame.filter(pl.col("unknown").is_null())
        self.kind, self.name, self.title, self.planned = kind, name, title, planned
        self.treated = known.filter(~pl.col("control"))
        self.control = known.filter(pl.col("control"))

    def sides(self, measure: Measure) -> Sides:
        return sides_of(self.treated, self.control, measure, self.planned)


def sides_of(treated: pl.DataFrame, control: pl.DataFrame, measure: Measure, planned: tuple[int, int]) -> Sides:
    """Return one measure of two groups of customers of whom it is known, after and before."""
    return Sides(
        unit=MEASURES[measure].unit,
        treated=column_of(treated, measure, ""),
        treated_before=column_of(treated, measure, "_before"),
        control=column_of(control, measure, ""),
        control_before=column_of(control, measure, "_before"),
        planned=planned,
    )


def column_of(frame: pl.DataFrame, measure: Measure, when: str = "") -> Column:
    """Return one measure of customers of whom it is known; `when` is `_before` for the days before they entered."""
    mark = MEASURES[measure].mark
    column = frame[f"marks{when}"] & mark != 0 if mark else frame[f"spend{when}"]
    return column.cast(pl.Float64).to_numpy()


def show_outcomes(
    database: Database,
    tenant: str,
    wanted: str,
    days: Days,
    policies: Callable[[str], PolicySet],
    now: datetime | None = None,
) -> OutcomesReport:
    """Return the report of a published strategy, by its name, or a version or the beginning of one.

    Where the worker has reported what was counted, that report is shown; else it is made now.

    Raises:
        UsageError: code `unknown_strategy`, `unknown_rollout`.
        GovernanceError: code `outcomes_altered`; what is kept is not what was counted.
    """
    now = datetime.now(UTC) if now is None else now
    with database.reading() as tx:
        found = find_published(tx, tenant, wanted, policies, now)
        it = rolled_out(tx, tenant, found.version)
        kept = _kept(tx, tenant, it, days, now)
    return kept or report_of(database, tenant, it, days, now)


def keep_report(database: Database, tenant: str, it: RolledOut, days: Days, now: datetime) -> None:
    """Report what was counted so far, and put it on the record, so that no look has to count it again.

    Raises:
        GovernanceError: code `outcomes_altered`; what is kept is not what was counted.
    """
    report = report_of(database, tenant, it, days, now)
    with database.transaction() as tx:
        digest = tx.artifacts.put(tenant, REPORT_MEDIA_TYPE, canonical_bytes(report))
        body = {"strategy": it.strategy.name, "version": it.version, "days": days, "report": digest}
        what = f"{it.version}.{days}.{len(report.batches)}"
        tx.record_act(tenant, REPORTED, _WORKER, now, what, {**body, "members": report.members})


def _kept(tx: Transaction, tenant: str, it: RolledOut, days: Days, now: datetime) -> OutcomesReport | None:
    """Return the report on the record that has all that was counted; None where there is none, or it cannot be read."""
    many = tx.outcomes.batches(tenant, it.version, days)
    newer = entry_of(tx, tenant, f"{COUNTED}.{it.version}.{days}.{many + 1}")
    entry = entry_of(tx, tenant, f"{REPORTED}.{it.version}.{days}.{many}")
    if many == 0 or newer is not None or entry is None or entry.at > now:
        return None
    try:
        report = tx.artifacts.get_model(str(entry.body.get("report")), OutcomesReport, tenant=tenant)
    except (GovernanceError, UsageError, ValidationError):
        return None
    if (report.version, report.days) != (it.version, days):
        return None
    return report.model_copy(update={"waits": _waits(tx, tenant, it, report.members, now)})


def report_of(database: Database, tenant: str, it: RolledOut, days: Days, now: datetime) -> OutcomesReport:
    """Return the report of what was counted.

    Raises:
        GovernanceError: code `outcomes_altered`; what is kept is not what was counted.
    """
    counted = read_outcomes(database, tenant, it, days, now)
    strategy, members = it.strategy, counted.frame.height
    groups = list(_groups(it, counted.frame)) if members else []
    compared, comparisons, sure = _compared(it, groups)
    with database.reading() as tx:
        waits = _waits(tx, tenant, it, members, now)
    return OutcomesReport(
        strategy=strategy.name,
        version=it.version,
        title=strategy.title,
        currency=strategy.market.currency,
        objective=strategy.objective,
        days=days,
        as_of=counted.batches[-1].at if counted.batches else None,
        members=members,
        waits=waits,
        first_due=it.reaches[0].at + timedelta(days=days) + LATE,
        margin=strategy.value.margin,
        not_known=tuple(_not_known(counted.frame)),
        groups=tuple(_group(it, one, compared[number]) for number, one in enumerate(groups)),
        comparisons=comparisons,
        adjusted_bp=sure,
        simulated=counted.simulated,
        batches=tuple(one.digest for one in counted.batches),
    )


def _waits(tx: Transaction, tenant: str, it: RolledOut, counted: int, now: datetime) -> int:
    reached = reached_by(it.reaches, now)
    counts = tx.rollouts.counts(tenant, it.version, reached)
    held = tx.rollouts.control_within(tenant, it.version, reached)
    return max(counts.treated + held - counted, 0)


def _groups(it: RolledOut, frame: pl.DataFrame) -> Iterator[_Group]:
    """Yield all, each arm, and each named segment that has enough customers to be compared."""
    strategy = it.strategy
    treated, held = _WHOLE - strategy.holdout, strategy.holdout
    yield _Group("all", "all", "All customers", frame, (treated, held))
    for arm in strategy.arms:
        inside = frame.filter(pl.col("control") | (pl.col("arm") == arm.name))
        yield _Group("arm", arm.name, f"Arm {arm.name}", inside, (treated * arm.share, held * _WHOLE))
    titles = {one.segment.name: one.segment.title for one in library()}
    noted = frame.filter(pl.col("segments").is_not_null())
    for name in sorted(set(noted["segments"].explode().drop_nulls().to_list())):
        one = _Group(
            "segment",
            name,
            titles.get(name, name),
            noted.filter(pl.col("segments").list.contains(name)),
            (treated, held),
        )
        if min(one.treated.height, one.control.height) >= FEWEST:
            yield one


def _measures(it: RolledOut, kind: GroupKind) -> tuple[Measure, ...]:
    """Return what is asked of a group: of a segment only what the strategy is for, what it is worth, and harm."""
    first = it.strategy.objective.measure
    rest = MEASURES if kind != "segment" else ("spend", "complaints")
    return tuple(dict.fromkeys((first, *rest)))


def _compared(it: RolledOut, groups: list[_Group]) -> tuple[list[list[MeasuredOutcome]], int, int]:
    asked = [(number, name) for number, one in enumerate(groups) for name in _measures(it, one.kind)]
    sides = [groups[number].sides(name) for number, name in asked]
    found = {place: one.uplift() for place, one in enumerate(sides)}
    clear, comparisons, sure = clear_ones(sides, found, frozenset({0}))
    compared: list[list[MeasuredOutcome]] = [[] for _ in groups]
    for place, (number, name) in enumerate(asked):
        compared[number].append(
            MeasuredOutcome(
                measure=name,
                title=MEASURES[name].title,
                unit=MEASURES[name].unit,
                primary=place == 0,
                found=found[place],
                clear=clear.get(place),
            )
        )
    return compared, comparisons, sure


def _group(it: RolledOut, one: _Group, measures: list[MeasuredOutcome]) -> OutcomeGroup:
    spend = next(each.found for each in measures if each.measure == "spend")
    return OutcomeGroup(
        kind=one.kind,
        name=one.name,
        title=one.title,
        treated=one.treated.height,
        control=one.control.height,
        sample=sample_ratio(one.treated.height, one.control.height, one.planned),
        measures=tuple(measures),
        value=None if one.kind == "segment" else _value(it, one, spend),
    )


def _value(it: RolledOut, one: _Group, spend: Uplift | Unknown) -> UpliftValue | Unknown:
    """Return the margin that was gained, less what the ledger says was given."""
    missing = one.treated["given"].null_count()
    if missing:
        return unknown("no_figure", f"what {missing:,} of the treated customers were given is not known any more")
    cost = Money(amount_minor=int(one.treated["given"].sum()), currency=it.strategy.market.currency)
    return value_of(spend, customers=one.treated.height, cost=cost, margin_bp=it.strategy.value.margin)


def _not_known(frame: pl.DataFrame) -> Iterator[NotKnownOf]:
    counts = frame.filter(pl.col("unknown").is_not_null()).group_by("unknown", "control").len()
    found: dict[NotKnown, dict[bool, int]] = {}
    for why, control, many in counts.iter_rows():
        found.setdefault(why, {})[bool(control)] = int(many)
    for why in sorted(found):
        yield NotKnownOf(why=why, treated=found[why].get(False, 0), control=found[why].get(True, 0))
