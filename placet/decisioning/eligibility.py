"""Which conditions of a treatment hold for a customer, and why the others do not."""

from placet.contracts.proposal import Reason
from placet.contracts.text import shortened
from placet.decisioning import words
from placet.decisioning.facts import Facts
from placet.decisioning.treatments import Condition, Treatment

_DETAIL = 160


def holds(condition: Condition, facts: Facts) -> bool:
    """Return whether `condition` is true of `facts`."""
    actual, value = getattr(facts, condition.fact), condition.value
    if condition.op == "eq":
        return bool(actual == value)
    if condition.op == "ne":
        return bool(actual != value)
    if condition.op == "ge":
        return bool(actual >= value)
    if condition.op == "le":
        return bool(actual <= value)
    return isinstance(value, tuple) and actual in value


def reasons_against(treatment: Treatment, facts: Facts, *, currency: str) -> tuple[Reason, ...]:
    """List every eligibility rule that fails: the catalogue's, then the ones none may switch off, its kind's last."""
    failed = [_reason(condition, facts) for condition in treatment.eligibility if not holds(condition, facts)]
    if facts.currency != currency:
        failed.append(
            Reason(code="currency_mismatch", detail=f"is billed in {facts.currency}, the catalogue is in {currency}")
        )
    if facts.monthly_charge_minor <= 0:
        failed.append(Reason(code="unknown_monthly_charge", detail="no bill and no priced product was read"))
    return (*failed, *treatment.action.reasons_against(facts))


def reasons_for(treatment: Treatment, facts: Facts) -> tuple[Reason, ...]:
    """List every suitability condition that holds."""
    return tuple(
        _reason(condition, facts, against=False) for condition in treatment.suitability if holds(condition, facts)
    )


def _reason(condition: Condition, facts: Facts, *, against: bool = True) -> Reason:
    detail = words.statement(condition.fact, facts)
    if against:
        detail += f"; {words.requirement(condition.fact, condition.op, condition.value, facts)}"
    return Reason(code=condition.code, detail=shortened(detail, _DETAIL))
