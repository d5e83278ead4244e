"""A customer's live state in words: what every interface says of an event, a figure, a rhythm, a device.

Words of other systems (names of offerings, of sources) stand in quotation marks, bounded.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from placet.contracts.events.about import ChurnScored, Described
from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import (
    AppVisited,
    BalanceAdjusted,
    BalanceChecked,
    BillDisputed,
    BillIssued,
    BillPaid,
    Competitor,
    Consent,
    Contacted,
    Correction,
    DeviceSeen,
    Event,
    Household,
    KeyDeclared,
    Located,
    NetworkFault,
    PlanChanged,
    Recharged,
    Scored,
    Ticket,
    Used,
    WalletPaid,
)
from placet.contracts.money import Money
from placet.contracts.state import (
    ConsentGiven,
    CustomerState,
    Description,
    Device,
    Figure,
    HouseholdState,
    OnePerson,
    Product,
    Rhythm,
    Trend,
    Window,
    Word,
)
from placet.contracts.text import NAME, counted, one_line, quoted
from placet.contracts.times import day, minute
from placet.decisioning.cohorts.flattening import current_churn

COUNTS: Final[Mapping[str, tuple[str, str]]] = {
    "recharges": ("recharge", "recharges"),
    "credits": ("credit", "credits"),
    "debits": ("debit", "debits"),
    "balance_checks": ("balance check", "balance checks"),
    "app_visits": ("app visit", "app visits"),
    "data_mb": ("MB of data", "MB of data"),
    "voice_seconds": ("second of calls", "seconds of calls"),
    "messages": ("message", "messages"),
    "bills_issued": ("bill", "bills"),
    "bills_disputed": ("disputed bill", "disputed bills"),
    "bills_paid": ("paid bill", "paid bills"),
    "wallet_payments": ("wallet payment", "wallet payments"),
    "tickets_opened": ("ticket", "tickets"),
    "network_faults": ("network fault", "network faults"),
    "competitor_signals": ("sign of a competitor", "signs of a competitor"),
    "contacts": ("contact", "contacts"),
}
"""Figures that are shown, by name: one of it, and several."""

_MONEY: Final = {
    "billed_minor": "billed",
    "paid_minor": "paid",
    "recharged_minor": "recharged",
    "credited_minor": "credited",
    "debited_minor": "debited",
    "wallet_minor": "paid by the wallet",
}
_TRENDS: Final = {
    "app_visits": "visits to the app",
    "data_mb": "mobile data",
    "voice_seconds": "calls",
    "recharges": "recharges",
    "wallet_payments": "payments by the wallet",
}
_SIGNS: Final = {
    "app_opened": "a competitor's app was opened",
    "porting_asked": "a code to take the number away was asked for",
    "sim_seen": "a competitor's SIM was seen",
    "price_asked": "a competitor's price was asked for",
}
_PLACES: Final = {
    "home": "at home",
    "work": "at work",
    "airport": "at an airport",
    "abroad": "abroad",
    "stadium": "in a stadium",
    "store": "in a store",
    "other": "elsewhere",
}
_USES: Final = {
    "data": ("MB of data were used", "MB of data was used"),
    "voice": ("seconds of calls were made", "second of calls was made"),
    "sms": ("messages were sent", "message was sent"),
}
_KEYS: Final = {"msisdn": "a telephone number", "email": "a hashed e-mail address", "device": "a device"}
_AREAS: Final = {"urban": "in a city", "suburban": "in a suburb", "rural": "in the country"}
_DAY: Final = 24

ONLY_SAID: Final = (
    "nothing that happened to this customer is known, only what was said about them, such as a score: "
    "no cohort and no key figure counts them"
)


class Saying(NamedTuple):
    """What is said of a customer: its name as a code and for people, in words, and who said it when."""

    name: str
    label: str
    words: str
    word: Word


def figure_in_words(figure: Figure) -> str | None:
    """Return a figure as people read it: `3 recharges`, `15.00 USD recharged`; None for one that is not shown."""
    name, _, currency = figure.name.partition(":")
    if currency:
        amount = Money(amount_minor=figure.value, currency=currency)
        return f"{amount} {_MONEY[name]}" if name in _MONEY else None
    return f"{figure.value:,} {COUNTS[name][figure.value != 1]}" if name in COUNTS else None


def window_in_words(window: Window) -> str:
    """Return what happened in a window; `nothing` where nothing did."""
    return ", ".join(said for one in window.figures if (said := figure_in_words(one)) is not None) or "nothing"


def rhythm_in_words(rhythm: Rhythm) -> str:
    """Return how regularly something recurs."""
    usual, since = rhythm.usual_hours / _DAY, rhythm.since_hours / _DAY
    return f"{rhythm.of} every {usual:.1f} days as a rule, the last one {since:.1f} days ago"


def trend_in_words(trend: Trend) -> str:
    """Return where a figure goes."""
    name = _TRENDS.get(trend.name, one_line(trend.name, NAME).replace("_", " "))
    if trend.percent == 0:
        return f"{name}: as in the two months before"
    way = "more" if trend.percent > 0 else "less"
    return f"{name}: {abs(trend.percent)} % {way} in the last 30 days than in the two months before"


def device_in_words(device: Device) -> str:
    """Return a device, without when it was seen."""
    line = "with a line of ours" if device.has_line else "without a line of ours"
    return f"{device.kind} {line}, on the {device.network} network"


def product_in_words(product: Product) -> str:
    """Return a product, without since when."""
    return f"{quoted(product.offering_id, NAME)} ({product.line})"


def consent_in_words(consent: ConsentGiven) -> str:
    """Return the newest word on a purpose and channel, without when it was said."""
    return f"{consent.purpose} by {_channel(consent.channel)}: {'given' if consent.given else 'withdrawn'}"


def source_in_words(name: str) -> str:
    """Return a source; of the one that is not real, that too."""
    return f"{quoted(name, NAME)}, which is not real" if name == SIMULATED else quoted(name, NAME)


def only_said(state: CustomerState | HouseholdState) -> bool:
    """Return whether only words about somebody are known, and no event: that makes nobody a customer of the base."""
    return bool(state.version) and state.newest is None


def only_said_in_words(many: int) -> str:
    """Say how many people the base leaves out because nothing but words about them is known."""
    return (
        f"of {counted(many, 'more customer')} only what was said about them is known, such as a score, and no event: "
        "no cohort and no key figure counts them"
    )


def one_person_in_words(merged: OnePerson) -> str:
    """Return whose events a state counts, and why."""
    ids = [one_line(one, NAME) for one in merged.ids]
    by = "signed merges" if ids[2:] else "a signed merge"
    return f"counts events of {', '.join(ids)}: one person since {minute(merged.since)} by {by}"


def sayings(state: CustomerState) -> Iterator[Saying]:
    """Yield who a customer is and what a model expects, in words."""
    said = state.described or Description()
    if said.birth_year is not None:
        age = state.as_of.year - said.birth_year.value
        turns = f", {age} years old in {state.as_of.year}" if age >= 0 else ""
        yield Saying("birth_year", "Born in", f"{said.birth_year.value}{turns}", said.birth_year)
    if said.area is not None:
        yield Saying("area", "Home", _AREAS[said.area.value], said.area)
    if said.area_code is not None:
        yield Saying("area_code", "Code of the area", quoted(said.area_code.value, NAME), said.area_code)
    if said.customer_since is not None:
        yield Saying("customer_since", "Customer since", said.customer_since.value.isoformat(), said.customer_since)
    if state.churn is not None:
        chance, model = _chance(state.churn.basis_points), f"says model {state.churn.model[:16]}"
        words = f"{chance}, {model}; it decides nothing"
        if state.churn.at <= state.as_of and current_churn(state) is None:
            words = f"was {chance} on {day(state.churn.at)}, {model}; too old to count"
        yield Saying("churn", "Likely to leave", words, state.churn)


def _chance(basis_points: int) -> str:
    return f"{basis_points / 100:.1f} %"


def event_in_words(event: Event) -> str:
    """Return what an event says, in one sentence."""
    return _SAID[type(event)](event.data)


def _used(data: Any) -> str:
    said = f"{data.quantity:,} {_USES[data.service][data.quantity == 1]}"
    return f"{said}, roaming" if data.roaming else said


def _checked(data: Any) -> str:
    told = "" if data.remaining is None else f": {data.remaining} left"
    return f"the balance was asked for{told}"


def _plan(data: Any) -> str:
    if data.offering_id is None:
        return f"a product ended ({data.line})"
    return f"a product is now {quoted(data.offering_id, NAME)} ({data.line})"


def _household(data: Any) -> str:
    if data.household_id is None:
        return "the customer left their household"
    return f"the customer joined household {one_line(data.household_id, NAME)}"


def _ticket(data: Any) -> str:
    return f"a support ticket about {_word(data.topic)} was {data.status}"


def _consent(data: Any) -> str:
    return f"consent to {data.purpose} by {_channel(data.channel)} was {'given' if data.given else 'withdrawn'}"


def _contacted(data: Any) -> str:
    answer = "" if data.answer == "none" else f", and was {data.answer}"
    return f"a message ({data.purpose}, by {_word(data.channel)}) reached the customer{answer}"


def _device(data: Any) -> str:
    line = "with" if data.has_line else "without"
    return f"a {data.kind} {line} a line of ours was seen on the {data.network} network"


def _described(data: Any) -> str:
    said = {"birth_year": "the year of birth", "area": "the kind of area", "area_code": "the code of the area"}
    said["customer_since"] = "since when they are a customer"
    known = [words for field, words in said.items() if getattr(data, field) is not None]
    return f"who the customer is was said: {', '.join(known) or 'nothing'}"


def _channel(code: str) -> str:
    return "any channel" if code == "any" else _word(code)


def _word(code: str) -> str:
    return one_line(code, NAME).replace("_", " ")


_SAID: Final[Mapping[type, Callable[[Any], str]]] = {
    AppVisited: lambda data: f"the app was opened ({_word(data.screen)})",
    BalanceAdjusted: lambda data: f"{data.amount} was {data.direction}ed",
    BalanceChecked: _checked,
    BillDisputed: lambda data: f"a bill was disputed ({_word(data.about)})",
    BillIssued: lambda data: f"a bill of {data.amount} was issued",
    BillPaid: lambda data: f"{data.amount} of a bill was paid",
    ChurnScored: lambda data: f"a model gave {_chance(data.basis_points)} as how likely they are to leave",
    Competitor: lambda data: _SIGNS[data.sign],
    Consent: _consent,
    Contacted: _contacted,
    Correction: lambda data: f"an event of {quoted(data.source, NAME)} was taken back ({_word(data.reason)})",
    Described: _described,
    DeviceSeen: _device,
    Household: _household,
    KeyDeclared: lambda data: f"{_KEYS[data.key.partition(':')[0]]} was {'linked' if data.held else 'given up'}",
    Located: lambda data: f"the customer was {_PLACES[data.place]}",
    NetworkFault: lambda data: f"the network failed for {counted(data.minutes, 'minute')} ({data.severity})",
    PlanChanged: _plan,
    Recharged: lambda data: f"{data.amount} was recharged",
    Scored: lambda data: f"a survey ({data.survey.upper()}) was answered with {data.score}",
    Ticket: _ticket,
    Used: _used,
    WalletPaid: lambda data: f"{data.amount} was paid by the wallet ({_word(data.category)})",
}
