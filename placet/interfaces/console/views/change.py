"""The exact change that is asked for, before and after, and what it was weighed against."""

from dataclasses import dataclass
from typing import NamedTuple

from placet.contracts.billing import Evidence
from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct, Proposal, Reason
from placet.contracts.text import NAME, WORDS, one_line
from placet.decisioning.compensation import REVERSAL
from placet.governance.choice import money, warnings, worth
from placet.interfaces.console.views.common import pictured, treatment_in_words

UNREAD = "not read"


class Difference(NamedTuple):
    """One thing that the change changes."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a signature is for.

    Attributes:
        sentence: Everything in one sentence, every figure exact.
        price: What it costs the operator, or takes from the customer.
        worth: What it is expected to be worth; empty where nobody estimates that.
        target: What is changed, by its identifier.
        notes: Where the pick is not what arithmetic ranks first.
    """

    name: str
    sentence: str
    price: str
    worth: str
    target: str
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate beside the others."""

    name: str
    code: str
    picked: bool
    eligible: bool
    value: str
    cost: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]


def change_of(proposal: Proposal, evidence: Evidence | None) -> Change:
    """Return the change of a proposal, beside what billing said before it."""
    mutation = proposal.mutation
    found = _balance(mutation, evidence) if isinstance(mutation, AdjustBalance) else _product(mutation, evidence)
    return Change(
        name=treatment_in_words(proposal.treatment, proposal.treatment_name),
        sentence=mutation.describe(),
        price=proposal.price,
        worth="" if proposal.reverses is not None else worth(proposal),
        target=mutation.target,
        differences=found,
        notes=warnings(proposal),
    )


def options_of(candidates: tuple[Candidate, ...], picked: str | None, currency: str) -> tuple[Option, ...]:
    """Return the candidates, the one that was picked first, then as the arithmetic ranked them."""
    valued = all(one.treatment != REVERSAL for one in candidates)  # nobody estimates what taking back is worth
    shown = [_option(one, picked, currency, valued=valued) for one in candidates]
    return tuple(sorted(shown, key=lambda one: (not one.picked, not one.eligible)))


def sentences(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    """Return reasons as sentences."""
    return tuple(one_line(pictured(reason.detail) or reason.code.replace("_", " "), WORDS) for reason in reasons)


def _option(one: Candidate, picked: str | None, currency: str, *, valued: bool) -> Option:
    return Option(
        name=treatment_in_words(one.treatment, one.name),
        code=one.treatment,
        picked=one.treatment == picked,
        eligible=one.eligible,
        value="" if not valued else money(one.expected_value_minor, currency) if currency else "not computed",
        cost=money(one.cost_minor, currency) if currency else "not computed",
        pros=sentences(one.reasons_for),
        # What was picked stands for itself: what spoke against it was outweighed, or nothing else was left.
        cons=() if one.treatment == picked and one.eligible else sentences(one.reasons_against),
    )


def _balance(mutation: AdjustBalance, evidence: Evidence | None) -> tuple[Difference, ...]:
    label = one_line(mutation.bucket_name or mutation.bucket_id, NAME)
    signed = mutation.amount.amount_minor * (1 if mutation.direction == "credit" else -1)
    held = next((one for one in evidence.balances if one.bucket_id == mutation.bucket_id), None) if evidence else None
    if held is None or held.remaining.currency != mutation.amount.currency:
        sign = "+" if signed > 0 else "-"
        return (Difference(f"Balance {label}", UNREAD, f"{sign}{mutation.amount}"),)
    minor = held.remaining.amount_minor + signed
    if abs(minor) > LARGEST_MINOR:  # only where billing says what no balance is
        return (Difference(f"Balance {label}", str(held.remaining), "beyond every amount"),)
    after = Money(amount_minor=minor, currency=held.remaining.currency)
    return (Difference(f"Balance {label}", str(held.remaining), str(after)),)


def _product(mutation: OrderProduct, evidence: Evidence | None) -> tuple[Difference, ...]:
    offering = one_line(mutation.offering_name or mutation.offering_id, NAME)
    held = next((one for one in evidence.products if one.product_id == mutation.product_id), None) if evidence else None
    before = one_line(mutation.product_name or (held.name if held else ""), NAME) or UNREAD
    if mutation.action == "add":
        return (Difference("Offering", "not held", offering),)
    if mutation.action == "delete":
        return (Difference("Product", before, "ended"),)
    rows = [Difference("Product", before, offering)]
    if held is not None and held.monthly_price is not None:
        rows.append(Difference("Monthly price", str(held.monthly_price), "as the catalogue says"))
    return tuple(rows)
