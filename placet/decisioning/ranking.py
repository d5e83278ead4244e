"""The next best action: every treatment weighed, the eligible first, best first; `nothing` is always among them.

Figures are integers throughout; every rounding favours caution.
"""

from placet.contracts.proposal import Candidate, Reason
from placet.decisioning import words
from placet.decisioning.actions import WHOLE
from placet.decisioning.eligibility import reasons_against, reasons_for
from placet.decisioning.facts import Facts
from placet.decisioning.treatments import NOTHING, Assumptions, Catalogue, Treatment


def evaluate(catalogue: Catalogue, facts: Facts) -> tuple[Candidate, ...]:
    """Weigh the whole catalogue for one customer.

    Returns:
        One candidate per treatment and one for `nothing`, the eligible before the others, each group by expected value
        (highest first), then cost, then code. An eligible one is worth more than nothing and carries its mutation.
    """
    candidates = [_weigh(treatment, catalogue, facts) for treatment in catalogue.treatments]
    candidates.append(_nothing(facts))
    return tuple(sorted(candidates, key=_order))


def expected_value_minor(facts: Facts, assumptions: Assumptions, *, relative_reduction_bp: int, cost_minor: int) -> int:
    """Return the margin expected to be kept over the horizon, less the cost, in minor units, rounded down.

    churn probability x relative reduction x margin x monthly charge x horizon - cost
    """
    kept = (
        facts.churn_bp
        * relative_reduction_bp
        * assumptions.margin_bp
        * facts.monthly_charge_minor
        * assumptions.horizon_months
    )
    return kept // WHOLE**3 - cost_minor


def _order(candidate: Candidate) -> tuple[bool, int, int, str]:
    worth = candidate.expected_value_minor or 0
    return not candidate.eligible, -worth, candidate.cost_minor, candidate.treatment


def eligible(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Return the candidates that may be proposed, in their order."""
    return tuple(candidate for candidate in candidates if candidate.eligible)


def _weigh(treatment: Treatment, catalogue: Catalogue, facts: Facts) -> Candidate:
    cost = treatment.action.cost_minor(facts)
    value = expected_value_minor(
        facts, catalogue.assumptions, relative_reduction_bp=treatment.relative_reduction_bp, cost_minor=cost
    )
    against = list(reasons_against(treatment, facts, currency=catalogue.currency))
    if cost > catalogue.max_cost_minor:
        cap = words.amount(catalogue.max_cost_minor, catalogue.currency)
        against.append(
            Reason(
                code="above_cap",
                detail=f"costs {words.amount(cost, facts.currency)}, the application's cap is {cap}",
            )
        )
    if value <= 0:
        against.append(Reason(code="no_positive_value", detail=_no_value(value, cost, facts.currency)))
    return Candidate(
        treatment=treatment.code,
        name=treatment.name,
        eligible=not against,
        expected_value_minor=value,
        cost_minor=cost,
        reasons_for=reasons_for(treatment, facts),
        reasons_against=tuple(against),
        mutation=None if against else treatment.action.mutation(treatment.name, facts),
    )


def _no_value(value: int, cost: int, currency: str) -> str:
    kept, given = words.amount(value + cost, currency), words.amount(cost, currency)
    lost = f"a loss of {words.amount(-value, currency)}" if value < 0 else "nothing is gained"
    return f"is expected to keep {kept} of margin and costs {given}: {lost}"


def _nothing(facts: Facts) -> Candidate:
    leave = Reason(code="churn_risk_stays", detail=words.statement("churn_bp", facts))
    free = Reason(code="no_cost", detail="gives nothing away")
    return Candidate(
        treatment=NOTHING,
        name="Nothing",
        eligible=True,
        expected_value_minor=0,
        cost_minor=0,
        reasons_for=(free,),
        reasons_against=(leave,),
    )
