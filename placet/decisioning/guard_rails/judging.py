"""The decision of one guard rail at one look: pass, fail, inconclusive or no data.

1. Whatever cannot be believed is no data, with its reason: a figure that is missing or is no number, groups that are
   not as many as planned, a clock or counts that went back, fewer customers than the rail asks for.
2. The bounds of what is seen are computed so that they hold at every look at once (`sequences`).
3. All that the bounds leave is inside the margin: pass. All is beyond it: fail. Else: inconclusive.

A pass or a fail that is wrong happens, over all looks of one rail together, in at most 1 - confidence of rollouts.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from pydantic import ValidationError

from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.guard import Counting, GuardVerdict, Look, Seen
from placet.contracts.strategies.rollout import GuardRail
from placet.contracts.strategies.written import share_in_words
from placet.contracts.times import rfc3339
from placet.decisioning.guard_rails.bounding import bounds_of
from placet.decisioning.guard_rails.needing import more_until
from placet.decisioning.guard_rails.sequences import critical, information
from placet.decisioning.outcomes.groups import CONTROL, TREATED, Group, comparable, unknown
from placet.decisioning.outcomes.intervals import WHOLE_BP
from placet.decisioning.outcomes.uplift import mismatch, unspread
from placet.decisioning.strategies.measures import OUTCOMES

LEAST_CONFIDENCE_BP: Final = 8_000
MOST_CONFIDENCE_BP: Final = 9_990
"""Of what a checked strategy may ask."""

_NOBODY: Final = Unknown(code="no_figure", detail="the measure was not counted")

Counted = Group | Unknown | None
"""A group; or why it is none; None where nothing was counted."""


def judge(
    rail: GuardRail,
    treated: Counted,
    control: Counted,
    *,
    at: datetime,
    planned: tuple[int, int],
    before: Sequence[Look] = (),
    counting: Counting = "once",
) -> GuardVerdict:
    """Return what a guard rail says at one look.

    Args:
        rail: The rail.
        treated: Treated customers with the rail's measure, counted from the beginning of the rollout to this look.
        control: The same of the control group.
        at: When they were counted.
        planned: How the two groups should stand to each other at this look (`sample_ratio.planned_ratio`).
        before: The looks before, the first first: the `look` of each earlier verdict that has one.
        counting: Whether customers counted before stay as they were counted.
    """
    number = len(before) + 1
    looked = _look(at, treated, control)
    groups = _groups(rail, looked, treated, control, planned=planned, before=before, counting=counting)
    if isinstance(groups, Unknown):
        return GuardVerdict(
            verdict="no_data",
            rail=rail,
            number=number,
            look=None if groups.code == "clock_went_back" or isinstance(looked, Unknown) else looked,
            counting=counting,
            confidence_bp=rail.confidence if _confident(rail) else None,
            unknown=groups,
        )
    ours, theirs = groups
    errors = _errors(rail, ours, theirs, number, counting)
    bounds = bounds_of(rail, ours, theirs, errors)

    def verdict_of(bigger: tuple[Group, Group]) -> str:
        later = bounds_of(rail, *bigger, _errors(rail, *bigger, number + 1, counting))
        return later.verdict(rail.must_not)

    verdict = bounds.verdict(rail.must_not)
    return GuardVerdict(
        verdict=verdict,
        rail=rail,
        number=number,
        look=looked if isinstance(looked, Look) else None,
        counting=counting,
        confidence_bp=rail.confidence,
        treated=ours.figures(),
        control=theirs.figures(),
        bounds=bounds,
        critical=round(errors * 1_000),
        more_to_pass=0 if verdict == "pass" else more_until("pass", verdict_of, ours, theirs),
        more_to_fail=0 if verdict == "fail" else more_until("fail", verdict_of, ours, theirs),
    )


def _errors(rail: GuardRail, treated: Group, control: Group, look: int, counting: Counting) -> float:
    return float(
        critical(
            counting,
            told=information(treated.customers, control.customers),
            sample=rail.sample,
            look=look,
            alpha=1 - rail.confidence / WHOLE_BP,
        )
    )


def _look(at: datetime, treated: Counted, control: Counted) -> Look | Unknown:
    """Return what was counted, or why nothing was."""
    seen = []
    for name, group in ((TREATED, treated), (CONTROL, control)):
        if group is None:
            return unknown("no_figure", f"{name}: the measure was not counted")
        if isinstance(group, Unknown):
            return unknown(group.code, f"{name}: {group.detail}")
        try:
            seen.append(Seen(customers=group.customers, total=group.total))
        except ValidationError:
            return unknown(
                "not_a_number",
                f"{name}: {group.customers!r} customers and a sum of {group.total!r}: neither is a count",
            )
    if at.tzinfo is None:
        return unknown("clock_went_back", f"the look's time {at.isoformat()} has no UTC offset: nobody can order it")
    return Look(at=at, treated=seen[0], control=seen[1])


def _groups(
    rail: GuardRail,
    looked: Look | Unknown,
    treated: Counted,
    control: Counted,
    *,
    planned: tuple[int, int],
    before: Sequence[Look],
    counting: Counting,
) -> tuple[Group, Group] | Unknown:
    """Return the groups to be judged, or why they cannot be."""
    if isinstance(looked, Unknown):
        return looked
    found = _unfit(rail) or _out_of_order(before, looked, counting)
    if found is not None:
        return found
    groups = comparable(treated or _NOBODY, control or _NOBODY)
    if isinstance(groups, Unknown):
        return groups
    measured = OUTCOMES[rail.measure].unit
    if groups[0].unit != measured:
        return unknown("unlike_units", f"the figures are of a {groups[0].unit}, and {rail.measure} is a {measured}")
    found = _not_judged(rail, *groups, planned=planned, look=len(before) + 1)
    return groups if found is None else found


def _confident(rail: GuardRail) -> bool:
    return LEAST_CONFIDENCE_BP <= rail.confidence <= MOST_CONFIDENCE_BP


def _unfit(rail: GuardRail) -> Unknown | None:
    """Say why a rail that no check has seen cannot be judged."""
    if rail.by_more_than.unit == "points" and OUTCOMES[rail.measure].unit == "amount":
        said = f"a margin of {rail.by_more_than} of {rail.measure}, which is no share: write it in per cent"
        return unknown("margin_unit", said)
    if not _confident(rail):
        said = f"a confidence of {share_in_words(rail.confidence)}: it must be 80 % to 99.9 %"
        return unknown("confidence", said)
    return None


def _out_of_order(before: Sequence[Look], now: Look, counting: Counting) -> Unknown | None:
    """Say why a look does not follow those before it, by its time or by its counts.

    Counts are compared with the last look only: where an erased customer took theirs away, the looks after go on.
    """
    for one, later in pairwise([*before, now]):
        if later.at <= one.at:
            said = f"a look of {rfc3339(later.at)} follows one of {rfc3339(one.at)}: a clock went back"
            return unknown("clock_went_back", said)
    if counting == "anew" or not before:
        return None
    last = before[-1]
    for name, was, seen in ((TREATED, last.treated, now.treated), (CONTROL, last.control, now.control)):
        if seen.customers < was.customers or seen.total < was.total:
            said = (
                f"{name}: {seen.customers} customers with {seen.total} in all, after {was.customers} with {was.total}; "
                "who was counted once must stay counted as they were"
            )
            return unknown("figures_went_back", said)
    return None


def _not_judged(
    rail: GuardRail, treated: Group, control: Group, *, planned: tuple[int, int], look: int
) -> Unknown | None:
    """Say why two sound groups tell nothing, or nothing yet."""
    for name, group in ((TREATED, treated), (CONTROL, control)):
        if group.customers < rail.sample:
            said = f"{name}: {group.customers} customers, and the guard rail asks for {rail.sample} of each group"
            return unknown("too_few", said)
    found = mismatch(treated, control, planned=planned, look=look)
    if found is not None:
        return found
    if rail.by_more_than.unit == "percent" and control.total == 0:
        said = f"the control group has nothing of {rail.measure}: there are no per cent of it"
        return unknown("control_has_none", said)
    return unspread(treated, control)
