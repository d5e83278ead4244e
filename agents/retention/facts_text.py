"""A customer in a few lines of text for a small model. Identifiers and names stay out."""

from agents.retention.customer import RetentionCustomer
from placet.contracts.money import Money
from placet.contracts.proposal import Candidate
from placet.contracts.text import counted
from placet.decisioning.churn import risk_level
from placet.decisioning.facts import Facts
from placet.decisioning.next_best_action.saying import CHOICES

_CONTRACTS = {"month_to_month": "month to month", "one_year": "one year", "two_year": "two year"}
_INTERNET = {"dsl": "DSL", "fiber_optic": "fiber optic", "none": "none"}


def profile_text(customer: RetentionCustomer, churn_bp: int | None) -> str:
    """Return what is known before anything is read from billing, as prose: a small model repeats it best.

    `churn_bp` is None where the probability of leaving takes more than the profile.
    """
    contract = (
        "no contract"
        if customer.contract == "month_to_month"
        else f"a {_named(_CONTRACTS, customer.contract)} contract"
    )
    internet = "no" if customer.internet_service == "none" else _named(_INTERNET, customer.internet_service)
    risk = (
        ""
        if churn_bp is None
        else f" The risk that similar customers leave is {risk_level(churn_bp)} ({percent(churn_bp)})."
    )
    return (
        f"The customer has been a customer for {counted(customer.tenure_months, 'month')}, has {contract}, "
        f"has {internet} internet and pays by {_plain(customer.payment_method)}.{risk}"
    )


def facts_text(facts: Facts) -> str:
    """List the figures the arithmetic used, one a line."""
    charge = Money(amount_minor=facts.monthly_charge_minor, currency=facts.currency)
    return "\n".join(
        (
            f"- tenure: {counted(facts.tenure_months, 'month')}",
            f"- contract: {_named(_CONTRACTS, facts.contract)}",
            f"- internet: {_named(_INTERNET, facts.internet_service)}",
            f"- pays by: {_plain(facts.payment_method)}",
            f"- monthly charge: {charge}",
            f"- churn probability: {percent(facts.churn_bp)}",
        )
    )


def options_text(candidates: tuple[Candidate, ...]) -> str:
    """List the eligible treatments, best first, one a line with what speaks for it."""
    return "\n".join(_option(candidate) for candidate in candidates)


def _option(candidate: Candidate) -> str:
    told = (reason.code for reason in candidate.reasons_for if reason.code not in CHOICES)
    reasons = ", ".join(code.replace("_", " ") for code in told)
    # A reason beside "nothing" makes a small model take it.
    suffix = f", because: {reasons}" if reasons and candidate.mutation is not None else ""
    return f"- {candidate.treatment}{suffix}"


def percent(basis_points: int) -> str:
    """Write basis points for people: `72.8 %`."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d} %".replace(".00", "")


def _named(names: dict[str, str], value: str) -> str:
    """Return the name of a value for people; a value that was declared later has none of its own."""
    return names.get(value, _plain(value))


def _plain(text: str) -> str:
    """Reduce a foreign text to one line of letters and digits: it must not read as an instruction of ours."""
    return "".join(character if character.isalnum() else " " for character in text)[:40].strip()
