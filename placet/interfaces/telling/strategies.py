"""What is found of strategies, in words that every face shows."""

from collections.abc import Iterator, Mapping
from typing import Final

from placet.contracts.strategies.decision import Fell, NextBestAction, Weighed
from placet.contracts.strategies.plan import PlannedStrategy, StrategyPlan
from placet.contracts.strategies.preview import PreviewedStage, PreviewedTreatment, StrategyPreview
from placet.contracts.strategies.treatment import Stage
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted, quoted, spoken
from placet.contracts.times import minute
from placet.decisioning.cohorts.wording import percent
from placet.interfaces.telling.kpis import left_out_in_words

NOT_ASKED: Final = "the contact policy, and what each is worth: `placet strategy plan` asks both"

FELL: Final[Mapping[Fell, str]] = {
    "cohort": "not for them",
    "currency": "another currency",
    "control_group": "control group",
    "rollout": "not reached yet",
    "step": "not their step",
    "arm": "another arm",
    "eligible": "may not get it",
    "applicable": "cannot use it",
    "suitable": "does not suit",
    "contact": "contact policy",
    "value": "not worth it",
    "outranked": "another is worth more",
}
"""Where a candidate fell, in a few words."""

FELL_AT: Final[Mapping[Stage, str]] = {
    "eligible": "may not",
    "applicable": "cannot use it",
    "suitable": "does not suit",
}
"""Where customers fall at a rule, in a few words."""


def preview_lines(found: StrategyPreview) -> Iterator[tuple[str, str, str]]:
    """Say whom a strategy has, who falls where, and what it could cost, as groups, headings and sentences."""
    whom, rollout = "whom it has", "how it reaches them"
    yield whom, "as of", minute(found.as_of)
    if found.ended:
        yield whom, "over", ended_in_words(found)
    share = percent(found.members, found.base)
    yield whom, "for", f"{found.members:,} of {counted(found.base, 'customer')} ({share} %)"
    if found.unknown:
        unknown = counted(found.unknown, "customer")
        yield whom, "not in it", f"{unknown} of whom it is not known what the cohort asks"
    if found.simulated:
        yield whom, "simulated", f"{found.simulated:,} of all customers have simulated events: nothing is real"
    if found.left_out:
        yield whom, "unreadable", left_out_in_words(found.left_out, found.unreadable)
    if found.other_currency:
        yield whom, "left out", f"{counted(found.other_currency, 'customer')} of them: they pay in another currency"
    yield whom, "control group", f"{counted(found.control, 'customer')}, never treated"
    for stage in found.stages:
        yield rollout, "stage", stage_in_words(stage)
    if never := never_in_words(found):
        yield rollout, "warning", never
    for arm in found.arms:
        words = f"{spoken(arm.name)}, {share_in_words(arm.share)}: {counted(arm.treated, 'customer')}"
        yield rollout, "arm", words
    for treatment in found.treatments:
        yield from _treatment(treatment)
    yield (
        "money and the rest",
        "nothing",
        f"{counted(found.could_get_none, 'customer')} outside the control group could get none of them",
    )
    yield "money and the rest", "budget", budget_in_words(found)
    yield "money and the rest", "not asked", NOT_ASKED


def decision_lines(found: NextBestAction) -> Iterator[tuple[str, str, str]]:
    """Say what would be done for a customer, and why nothing else, as groups, headings and sentences."""
    chosen = found.chosen
    yield "customer", "who", f"{found.customer_id}, as they were on {minute(found.as_of)}"
    if found.simulated:
        yield "customer", "simulated", "they have simulated events: nothing is real"
    yield "customer", "channel", f"{spoken(found.channel)}, {minute(found.at)}"
    if chosen is None:
        yield (
            "next best action",
            "nothing",
            "leave them alone: no treatment passes, or none is worth more than it costs",
        )
    else:
        yield "next best action", chosen.title, f"of strategy {chosen.strategy}; {chosen.reason.detail}"
        yield "next best action", "costs at most", str(chosen.cost)
        if chosen.chance is not None:
            yield "next best action", "chance", chance_in_words(chosen)
        for reason in chosen.because:
            yield "next best action", "say", quoted(reason.detail)
    for one in found.weighed:
        if one.fell is not None:
            yield "why nothing else", f"{one.title}, {one.strategy}", f"{FELL[one.fell]}: {one.reason.detail}"


def plan_lines(found: StrategyPlan) -> Iterator[tuple[str, str, str]]:
    """Say what strategies together would do to the base, as groups, headings and sentences."""
    yield "base", "as of", minute(found.as_of)
    yield "base", "channel", spoken(found.channel)
    share = percent(found.chosen, found.base)
    yield "base", "get something", f"{found.chosen:,} of {counted(found.base, 'customer')} ({share} %)"
    yield (
        "base",
        "claimed twice",
        f"of {counted(found.several, 'customer')} more than one treatment was worth something",
    )
    if found.simulated:
        yield "base", "simulated", f"{found.simulated:,} of all customers have simulated events: nothing is real"
    if found.left_out:
        yield "base", "left out", left_out_in_words(found.left_out, found.unreadable)
    for strategy in found.strategies:
        group = f"{strategy.title} [{strategy.name}]"
        yield group, "budget", planned_budget(strategy)
        if strategy.closed:
            yield group, "says nothing", strategy.closed
        for one in strategy.treatments:
            got = f"{counted(one.chosen, 'customer')}, costs {one.cost} at most, expected to gain {one.value} after it"
            yield group, one.title, got
            for fallen in one.fallen:
                yield group, "", f"{counted(fallen.customers, 'customer')}: {FELL[fallen.fell]}"


def planned_budget(one: PlannedStrategy) -> str:
    """Say whether a strategy's budget is enough for everybody who would get something."""
    enough = "is enough" if one.cost.amount_minor <= one.budget.amount_minor else "IS NOT ENOUGH"
    return f"{one.budget} {enough}: {counted(one.chosen, 'customer')} cost {one.cost} at most"


def chance_in_words(one: Weighed) -> str:
    """Say how likely it is that the customer leaves, or takes it up."""
    share = share_in_words(one.chance or 0)
    return (
        f"{share} that they leave, by their score" if one.chance_of == "leaving" else f"{share} take it up, as assumed"
    )


def stage_in_words(stage: PreviewedStage) -> str:
    """Say how many customers a stage has, and which guard rails could tell nothing of so few."""
    held = held_in_words(stage)
    return f"{share_in_words(stage.share)}: {counted(stage.treated, 'customer')}{'; ' if held else ''}{held}"


def held_in_words(stage: PreviewedStage) -> str:
    """Say why the rollout would hold at a stage; empty where it would not."""
    few = ", ".join(f"{sample:,} for {spoken(measure)}" for measure, sample in stage.too_few)
    return f"it would hold: too few of the treated or the control group ({few})" if few else ""


def budget_in_words(found: StrategyPreview) -> str:
    """Say whether the budget is enough for everybody."""
    most, budget = found.most_cost, found.budget
    if most.amount_minor <= budget.amount_minor:
        return f"{budget} is enough: {most} at most, if everybody who could got the dearest treatment once"
    reaches = counted(found.budget_reaches, "customer")
    return (
        f"{budget} may not be enough: up to {most}, if everybody who could got the dearest treatment once; it reaches "
        f"{reaches} for certain"
    )


def cost_in_words(one: PreviewedTreatment) -> str:
    """Say what a treatment would cost, and its bound."""
    bound = f"at most {one.at_most} each, {one.in_all_at_most} in all"
    return f"{one.would_cost} for all of them, by what each spends; {bound}"


def ended_in_words(found: StrategyPreview) -> str:
    """Say that a strategy is over; empty where it is not."""
    return f"it ended on {found.ended}: nobody would be told anything" if found.ended else ""


def never_in_words(found: StrategyPreview) -> str:
    """Say which guard rails could tell nothing even of everybody; empty where there is none."""
    few = found.stages[-1].too_few
    if not few:
        return ""
    smaller = min(found.stages[-1].treated, found.control)
    wanted = ", ".join(f"{sample:,} for {spoken(measure)}" for measure, sample in few)
    return (
        f"guard rails that never tell anything: the smaller of the treated and the control group has "
        f"{counted(smaller, 'customer')} when everybody is reached, and they want {wanted}"
    )


def _treatment(one: PreviewedTreatment) -> Iterator[tuple[str, str, str]]:
    yield one.title, "could get it", counted(one.could_get, "customer")
    yield one.title, "costs", cost_in_words(one)
    if one.other_arm:
        yield one.title, "another arm", f"{counted(one.other_arm, 'customer')} are in an arm without it"
    for fell in one.removed:
        words = f"{counted(fell.customers, 'customer')}: {fell.otherwise} [{fell.code}]"
        yield one.title, FELL_AT[fell.stage], words
