"""A customer's and a household's live state on the command line."""

from placet.contracts.state import CustomerState, HouseholdState
from placet.contracts.text import counted, one_line
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.state_words import (
    ONLY_SAID,
    consent_in_words,
    device_in_words,
    one_person_in_words,
    only_said,
    product_in_words,
    rhythm_in_words,
    sayings,
    source_in_words,
    trend_in_words,
    window_in_words,
)


def print_customer(state: CustomerState) -> None:
    """Print a customer's state."""
    output.print_field("customer", state.customer_id)
    if state.one_person is not None:
        output.print_field("merged", one_person_in_words(state.one_person))
    if not _print_head(state, "no event of this customer is known"):
        _print_sayings(state)
        return
    _print_sayings(state)
    for rhythm in state.rhythms:
        output.print_field("rhythm", rhythm_in_words(rhythm))
    for trend in state.trends:
        output.print_field("trend", trend_in_words(trend))
    _print_matters(state)


def print_household(state: HouseholdState) -> None:
    """Print a household's state."""
    output.print_field("household", state.household_id)
    if not _print_head(state, "no member of this household is known"):
        return
    for member in state.members:
        products = ", ".join(product_in_words(one) for one in member.products) or "no product is known"
        output.print_field("member", f"{member.customer_id}: {products}")
        for text in member.signals:
            output.print_field("", text)
    if state.more_members:
        output.print_line("there are more members; they count in nothing here")
    _print_devices(state)


def _print_sayings(state: CustomerState) -> None:
    for one in sayings(state):
        by = f"said by {source_in_words(one.word.source)}, {minute(one.word.at)}"
        output.print_field(one.label.lower(), f"{one.words} ({by})")


def _print_head(state: CustomerState | HouseholdState, nothing: str) -> bool:
    taken = counted(state.version, "word about them", "words about them") if only_said(state) else None
    output.print_field("as of", f"{minute(state.as_of)}, after {taken or counted(state.version, 'event')}")
    if state.newest is None:
        output.print_line(ONLY_SAID if only_said(state) else nothing)
        return False
    output.print_field("newest", minute(state.newest))
    for source in state.sources:
        output.print_field("from", f"{source_in_words(source.name)}, newest {minute(source.newest)}")
    for text in state.signals:
        output.print_field("signal", text)
    if not state.signals:
        output.print_field("signal", "nothing stands out")
    for window in state.windows:
        output.print_field(f"{window.days} days", window_in_words(window))
    return True


def _print_matters(state: CustomerState) -> None:
    if state.balance is not None:
        output.print_field("balance", f"{state.balance}, as last told or adjusted")
    for product in state.products:
        output.print_field("product", f"{product_in_words(product)} since {minute(product.since)}")
    _print_devices(state)
    for consent in state.consents:
        output.print_field("consent", f"{consent_in_words(consent)} {minute(consent.at)}")
    if state.household_id is not None:
        output.print_field("household", one_line(state.household_id))


def _print_devices(state: CustomerState | HouseholdState) -> None:
    for device in state.devices:
        output.print_field("device", f"{device_in_words(device)}, seen {minute(device.seen_at)}")
