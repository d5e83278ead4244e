"""How retention decided before its catalogue was a strategy (ADR 0063), to make candidates of that time again.

Nothing is decided by it any more. A proposal of that time names the treatments beside this module by their digest, and
is derived again by this rule. It has only what those treatments need, and does not change.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.base import Frozen, ReasonCode
from placet.contracts.billing import Evidence
from placet.contracts.money import Currency, Money
from placet.contracts.mutation import AdjustBalance, OrderProduct
from placet.contracts.proposal import NOTHING, Candidate, Reason
from placet.contracts.text import shortened
from placet.decisioning import words
from placet.decisioning.contact import ContactPolicy, within_contact_policy
from placet.decisioning.facts import ACTIVE, NO_BUCKET, Facts, derive
from placet.decisioning.preconditions import preconditions
from placet.toml_files import load_toml

FORMER: Final = "8c665c0ee7df12ad70c3646aa567f55af22b72e53a49f7c8c8305b9c83a70f9c"
"""What a proposal of that time names as what it was computed with: the digest of its treatments."""

_WHOLE: Final = 10_000
_DETAIL: Final = 160
_LABEL: Final = 80


class Condition(Frozen):
    """One test on one fact. `code` is the reason: against when an eligibility fails, for when a suitability holds."""

    fact: str
    op: Literal["eq", "ge", "le", "in"]
    value: StrictInt | str | tuple[str, ...]
    code: ReasonCode


class Credit(Frozen):
    """Money put on the customer's bucket; it is its own cost."""

    kind: Literal["adjust_balance"]
    of_monthly_bp: StrictInt
    max_minor: StrictInt
    round_to_minor: StrictInt = 1


class Move(Frozen):
    """One offering to order; `replaces` is the offering that the customer must hold for it."""

    offering_id: str
    name: str
    replaces: str | None = None
    cost_minor: StrictInt = 0


class Order(Frozen):
    """A product order: the first of `moves` that the customer qualifies for."""

    kind: Literal["order_product"]
    moves: tuple[Move, ...]
    of_monthly_bp: StrictInt = 0


class Treatment(Frozen):
    """One thing that could be proposed: all of `eligibility` had to hold, `suitability` gave reasons."""

    code: ReasonCode
    name: str
    action: Annotated[Credit | Order, Field(discriminator="kind")]
    relative_reduction_bp: StrictInt
    eligibility: tuple[Condition, ...] = ()
    suitability: tuple[Condition, ...] = ()


class Assumptions(Frozen):
    """What the value took for granted."""

    margin_bp: StrictInt
    horizon_months: StrictInt


class FormerCatalogue(Frozen):
    """The treatments; `nothing` was always among them."""

    currency: Currency
    assumptions: Assumptions
    max_cost_minor: StrictInt
    treatments: tuple[Treatment, ...]


@cache
def former_catalogue() -> FormerCatalogue:
    """Return the treatments of that time."""
    return load_toml(Path(__file__).parent / "former_treatments.toml", FormerCatalogue, "the former catalogue")


def weigh_by_former_rule(
    assessment: Assessment, evidence: Evidence, churn_bp: int, contact: ContactPolicy | None
) -> tuple[Candidate, ...]:
    """Weigh the treatments as it was done then: the eligible first, each group by value, cost and code.

    Raises:
        UsageError: code `unknown_fact`; billing said nothing that the rule needs.
    """
    catalogue = former_catalogue()
    facts = derive(evidence, assessment, churn_bp, currency=catalogue.currency)
    weighed = [*(_weigh(one, catalogue, facts) for one in catalogue.treatments), _nothing(facts)]
    weighed.sort(key=lambda one: (not one.eligible, -(one.expected_value_minor or 0), one.cost_minor, one.treatment))
    candidates = tuple(_with_preconditions(one, evidence) for one in weighed)
    if contact is None:
        return candidates
    return within_contact_policy(candidates, contact, evidence.history, facts.currency, evidence.read_at)


def _weigh(treatment: Treatment, catalogue: FormerCatalogue, facts: Facts) -> Candidate:
    cost, value = _worth(treatment, catalogue.assumptions, facts)
    against = [_reason(one, facts, asked=True) for one in treatment.eligibility if not _holds(one, facts)]
    against += _never(treatment.action, catalogue.currency, facts)
    if cost > catalogue.max_cost_minor:
        cap = words.amount(catalogue.max_cost_minor, catalogue.currency)
        said = f"costs {words.amount(cost, facts.currency)}, the application's cap is {cap}"
        against.append(Reason(code="above_cap", detail=said))
    if value <= 0:
        against.append(Reason(code="no_positive_value", detail=_no_value(value, cost, facts.currency)))
    return Candidate(
        treatment=treatment.code,
        name=treatment.name,
        eligible=not against,
        expected_value_minor=value,
        cost_minor=cost,
        reasons_for=tuple(_reason(one, facts, asked=False) for one in treatment.suitability if _holds(one, facts)),
        reasons_against=tuple(against),
        mutation=None if against else _mutation(treatment, cost, facts),
    )


def _worth(treatment: Treatment, taken: Assumptions, facts: Facts) -> tuple[int, int]:
    """Return the cost, and the margin expected to be kept over the horizon less the cost, rounded down."""
    cost = _cost(treatment.action, facts)
    kept = facts.churn_bp * treatment.relative_reduction_bp * taken.margin_bp
    return cost, kept * facts.monthly_charge_minor * taken.horizon_months // _WHOLE**3 - cost


def _cost(action: Credit | Order, facts: Facts) -> int:
    if isinstance(action, Credit):
        raw = min(facts.monthly_charge_minor * action.of_monthly_bp // _WHOLE, action.max_minor)
        return raw - raw % action.round_to_minor
    move = _move(action, facts)
    if move is None:
        return 0
    return -(-facts.monthly_charge_minor * action.of_monthly_bp // _WHOLE) + move.cost_minor


def _move(action: Order, facts: Facts) -> Move | None:
    held = {product.offering_id for product in facts.held}
    for move in action.moves:
        if move.offering_id not in held and (move.replaces is None or move.replaces in held):
            return move
    return None


def _never(action: Credit | Order, currency: str, facts: Facts) -> list[Reason]:
    """Return what no catalogue could switch off."""
    found = []
    if facts.currency != currency:
        said = f"is billed in {facts.currency}, the catalogue is in {currency}"
        found.append(Reason(code="currency_mismatch", detail=said))
    if facts.monthly_charge_minor <= 0:
        found.append(Reason(code="unknown_monthly_charge", detail="no bill and no priced product was read"))
    if isinstance(action, Credit):
        found += _bucket(facts)
        if _cost(action, facts) == 0:
            found.append(Reason(code="amount_rounds_to_zero", detail="the credit would be nothing"))
    elif _move(action, facts) is None:
        found.append(Reason(code="no_product_to_move", detail="holds no product this order applies to"))
    return found


def _bucket(facts: Facts) -> tuple[Reason, ...]:
    if facts.bucket_id == NO_BUCKET:
        return (Reason(code="no_bucket", detail="has no balance to credit"),)
    if facts.bucket_status != ACTIVE:
        stands = shortened(words.statement("bucket_status", facts), _DETAIL)
        return (Reason(code="bucket_not_active", detail=stands),)
    if facts.bucket_currency != facts.currency:
        held = words.statement("bucket_currency", facts)
        return (Reason(code="bucket_currency", detail=f"{held}, is billed in {facts.currency}"),)
    return ()


def _mutation(treatment: Treatment, cost: int, facts: Facts) -> AdjustBalance | OrderProduct:
    action = treatment.action
    if isinstance(action, Credit):
        return AdjustBalance(
            customer_id=facts.customer_id,
            bucket_id=facts.bucket_id,
            bucket_name=shortened(facts.bucket_name, _LABEL),
            amount=Money(amount_minor=cost, currency=facts.currency),
            reason=treatment.name,
        )
    move = _move(action, facts)
    if move is None:
        raise AssertionError("an order that fits nothing is not eligible")
    held = (product for product in facts.held if product.offering_id == move.replaces)
    replaced = min(held, key=lambda product: product.product_id, default=None)
    return OrderProduct(
        customer_id=facts.customer_id,
        action="modify" if replaced else "add",
        offering_id=move.offering_id,
        offering_name=move.name,
        product_id=replaced.product_id if replaced else None,
        product_name=shortened(replaced.name, _LABEL) if replaced else "",
    )


def _holds(condition: Condition, facts: Facts) -> bool:
    actual, value = getattr(facts, condition.fact), condition.value
    if isinstance(value, tuple):
        return actual in value
    if isinstance(value, int) and condition.op != "eq":
        return bool(actual >= value if condition.op == "ge" else actual <= value)
    return bool(actual == value)


def _reason(condition: Condition, facts: Facts, *, asked: bool) -> Reason:
    detail = words.statement(condition.fact, facts)
    if asked:
        detail += f"; asked for: {_wanted(condition, facts)}"
    return Reason(code=condition.code, detail=shortened(detail, _DETAIL))


def _wanted(condition: Condition, facts: Facts) -> str:
    value = condition.value
    if not isinstance(value, int):
        return words.contract(str(value)) if condition.fact == "contract" else str(value)
    if condition.fact == "churn_bp":
        return f"at least {words.per_cent(value)}"
    if condition.fact == "tenure_months":
        return f"at least {words.months(value)}"
    return f"at least {words.amount(value, facts.currency)}"


def _no_value(value: int, cost: int, currency: str) -> str:
    kept, given = words.amount(value + cost, currency), words.amount(cost, currency)
    lost = f"a loss of {words.amount(-value, currency)}" if value < 0 else "nothing is gained"
    return f"is expected to keep {kept} of margin and costs {given}: {lost}"


def _nothing(facts: Facts) -> Candidate:
    return Candidate(
        treatment=NOTHING,
        name="Nothing",
        eligible=True,
        expected_value_minor=0,
        cost_minor=0,
        reasons_for=(Reason(code="no_cost", detail="gives nothing away"),),
        reasons_against=(Reason(code="churn_risk_stays", detail=words.statement("churn_bp", facts)),),
    )


def _with_preconditions(candidate: Candidate, evidence: Evidence) -> Candidate:
    if candidate.mutation is None:
        return candidate
    return candidate.model_copy(update={"preconditions": preconditions(candidate.mutation, evidence)})
