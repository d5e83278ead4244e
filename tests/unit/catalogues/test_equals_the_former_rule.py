"""The catalogue as a strategy decides as the rule before it did: the same change, and the same reason for each other.

The former rule told every reason of a treatment at once. The engine asks in one closed order and tells the first that
it does not pass: of the reasons of the former rule it is the one that comes first in that order.
"""

from collections.abc import Mapping

from hypothesis import event, given, settings

from agents.catalogue import load
from agents.counts_fallback.source import counts
from agents.own_catalogue import OwnCatalogue, read_own_catalogue
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import NOTHING, Candidate
from placet.contracts.strategies.decision import Fell, Weighed
from placet.decisioning.next_best_action.catalogues import decide_by_catalogue
from placet.decisioning.next_best_action.saying import CHOICES
from placet.entrypoints.environment import CHECKOUT
from placet.replay.weighing.former_rule import weigh_by_former_rule
from tests.agents.support import assessment
from tests.unit.catalogues.customers import Read, reads

OWN: OwnCatalogue = read_own_catalogue(CHECKOUT / "agents" / "retention", "retention", load("retention").facts)

STAGES: tuple[Fell | None, ...] = ("cohort", "currency", "eligible", "value", None)
"""Where a candidate falls, in the order in which it is asked; last by what billing shows, or the contact policy."""

NOW_CALLED: Mapping[str, tuple[Fell | None, str]] = {
    "unknown_monthly_charge": ("cohort", "not_in_cohort"),
    "currency_mismatch": ("currency", "other_currency"),
    "amount_rounds_to_zero": ("value", "nothing_to_give"),
    "above_cap": ("value", "above_cap"),
    "no_positive_value": ("value", "no_gain"),
    "no_bucket": (None, "no_bucket"),
    "bucket_not_active": (None, "bucket_not_active"),
    "bucket_currency": (None, "bucket_currency"),
    "no_product_to_move": (None, "no_product_to_move"),
}
"""Stage and code of each reason of the former rule; a treatment's own rules and the contact policy kept their codes."""


def former(read: Read) -> dict[str, Candidate]:
    found = weigh_by_former_rule(assessment(read.evidence.customer), read.evidence, read.churn_bp, read.contact)
    return {one.treatment: one for one in found}


def weighed(read: Read) -> tuple[Candidate, ...]:
    known = counts()
    likelihood = Likelihood(probability_bp=read.churn_bp, source="counts", digest=known.digest, named=known.named)
    return load("retention").weigh(read.evidence, likelihood, read.contact)


def fallen(read: Read) -> dict[str, Weighed]:
    decision = decide_by_catalogue(OWN.catalogue, OWN.version, OWN.ground, read.evidence, read.churn_bp)
    return {one.treatment: one for one in decision.weighed}


def stage_and_code(code: str) -> tuple[Fell | None, str]:
    if code in NOW_CALLED:
        return NOW_CALLED[code]
    return (None, code) if code.startswith("contact_") else ("eligible", code)


def first_of(codes: list[str]) -> tuple[Fell | None, str]:
    """Return the reason that comes first in the engine's order; those of one stage are told in theirs."""
    return min((stage_and_code(code) for code in codes), key=lambda found: STAGES.index(found[0]))


def chosen(candidates: list[Candidate]) -> Candidate | None:
    return next((one for one in candidates if one.eligible and one.mutation is not None), None)


@given(reads())
@settings(max_examples=3_000, deadline=None)
def test_both_choose_the_same_and_each_other_falls_at_the_same_stage_for_the_same_reason(read: Read) -> None:
    before, now, stages = former(read), weighed(read), fallen(read)
    assert {one.treatment for one in now} == set(before)
    for one in now:
        was = before[one.treatment]
        assert one.eligible == was.eligible, one
        if one.treatment == NOTHING:
            assert one == was
            continue
        if stages[one.treatment].fell not in ("cohort", "currency"):
            assert (one.cost_minor, one.expected_value_minor) == (was.cost_minor, was.expected_value_minor)
        if one.eligible:
            assert (one.mutation, one.preconditions) == (was.mutation, was.preconditions)
            assert stages[one.treatment].fell in (None, "outranked")
            own = [reason.code for reason in one.reasons_for if reason.code not in CHOICES]
            assert own == [reason.code for reason in was.reasons_for]
            event("eligible")
            continue
        fell, code = first_of([reason.code for reason in was.reasons_against])
        assert one.reasons_against[0].code == code
        assert (stages[one.treatment].fell if fell else None) == fell
        event(f"{fell or 'billing or contact policy'}: {code}")
        if code.startswith("contact_"):
            assert one.reasons_against == was.reasons_against
    best, was_best = chosen(list(now)), chosen(list(before.values()))
    if best is not None and was_best is not None and best.treatment != was_best.treatment:
        # Of two that are worth the same, the former rule took the cheaper one; the engine takes the first of the text.
        assert best.expected_value_minor == was_best.expected_value_minor
    else:
        assert (best and best.mutation) == (was_best and was_best.mutation)
