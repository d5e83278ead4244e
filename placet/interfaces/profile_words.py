"""A customer's profile in words: each field with its source and age, as every interface shows it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from placet.contracts.billing import Evidence
from placet.contracts.events.envelope import SIMULATED
from placet.contracts.identity.keys import KeyWord
from placet.contracts.identity.profile import Origin, Profile, ProfileField, ProfileSection, SectionName
from placet.contracts.money import Money
from placet.contracts.people.decision import Verdict
from placet.contracts.state import Word
from placet.contracts.text import NAME, counted, one_line, quoted
from placet.contracts.times import day, minute
from placet.decisioning.identity.keys import masked
from placet.decisioning.state.aggregate import Stamp, day_of, time_of
from placet.interfaces.state_words import (
    consent_in_words,
    device_in_words,
    figure_in_words,
    product_in_words,
    rhythm_in_words,
    sayings,
    trend_in_words,
)
from placet.service.customers import DecidedRun
from placet.service.state.profile import Known

TITLES: Final[dict[SectionName, str]] = {
    "billing": "Plan and bills",
    "live": "Live signals",
    "household": "Household, products and devices",
    "consents": "Consent and contact",
    "decisions": "Decisions",
    "keys": "Known by",
}
NOTHING: Final[dict[SectionName, str]] = {
    "billing": "billing was not asked about this customer yet",
    "live": "no event of this customer is known",
    "household": "no household, product or device is known",
    "consents": "no word on consent is known",
    "decisions": "no run about this customer was asked for",
    "keys": "no number, address or device is known",
}
"""What is said of a side of which nothing is known."""

_WINDOW: Final = 30
_MOST_BILLS: Final = 6
_KINDS: Final = {"msisdn": "Telephone number", "email": "E-mail address, hashed", "device": "Device"}
_COUNTED_BY: Final = {
    "billed_minor": "bills_issued",
    "paid_minor": "bills_paid",
    "recharged_minor": "recharges",
    "wallet_minor": "wallet_payments",
}
_QUANTITIES: Final = frozenset({"data_mb", "voice_seconds", "messages", "network_fault_minutes"})
"""Figures that are no numbers of events."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_UNITS: Final = ((86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))
_VERDICTS: Final[dict[Verdict, str]] = {
    "approve": "approved",
    "reject": "rejected",
    "amend": "amended",
    "confirm_executed": "found executed",
    "confirm_not_executed": "found not executed",
}


def profile_of(known: Known, *, reveal: bool) -> Profile:
    """Return a customer's profile; `reveal`: whoever asks may see keys whole."""
    fields: dict[SectionName, Iterator[ProfileField]] = {
        "billing": _billing(known),
        "live": _live(known),
        "household": _household(known),
        "consents": _consents(known),
        "decisions": _decisions(known),
        "keys": _keys(known, reveal),
    }
    return Profile(
        customer_id=known.customer_id,
        as_of=known.as_of,
        keys_masked=not reveal,
        sections=tuple(ProfileSection(name=name, fields=tuple(some)) for name, some in fields.items()),
    )


def origin_in_words(origin: Origin, now: datetime) -> str:
    """Return source and age: `from billing, read 2 s ago`, `from 3 events, last 2 days ago`."""
    age = _age(origin, now)
    unreal = ", not real" if origin.simulated else ""
    if origin.of == "billing":
        return f"from billing, read {age}{unreal}"
    if origin.of == "record":
        return f"from the record, {age}"
    if origin.events == 1:
        by = f" of {', '.join(quoted(name, NAME) for name in origin.sources)}" if origin.sources else ""
        return f"from an event{by}, {age}{unreal}"
    number = "events" if origin.events is None else f"{origin.events:,} events"
    return f"from {number}, last {age}{unreal}"


def _age(origin: Origin, now: datetime) -> str:
    if not origin.exact:
        days = (now.astimezone(UTC).date() - origin.at.astimezone(UTC).date()).days
        return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
    seconds = max(0, int((now - origin.at).total_seconds()))
    length, one, several = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    return f"{counted(seconds // length, one, several)} ago"


def _billing(known: Known) -> Iterator[ProfileField]:
    record = known.record
    if record is None or record.facts is None:
        return
    facts = record.facts

    def field(name: str, label: str, value: str, *, simulated: bool = False) -> ProfileField:
        origin = Origin(of="billing", at=facts.read_at, run_id=record.facts_of, simulated=simulated)
        return ProfileField(name=name, label=label, value=value, origin=origin)

    customer = facts.customer
    yield field("status", "Status", one_line(customer.status, NAME))
    yield field("tenure", "With the operator for", counted(customer.tenure_months, "month"))
    for fact in customer.facts:
        label = fact.name.replace("_", " ").capitalize()
        yield field("fact", label, one_line(str(fact.value), NAME).replace("_", " "))
    for one in facts.products:
        price = "" if one.monthly_price is None else f", {one.monthly_price} a month"
        held = f"{quoted(one.name, NAME)}, {one_line(one.status, NAME)}{price}"
        yield field("plan", "Plan", held, simulated=one.simulated)
    yield from _money(facts, field)


def _money(facts: Evidence, field: Any) -> Iterator[ProfileField]:
    for bill in sorted(facts.bills, key=lambda one: one.issued_on, reverse=True)[:_MOST_BILLS]:
        due = f", {bill.amount_due} due" if bill.amount_due.amount_minor else ""
        value = f"{bill.amount} on {bill.issued_on.isoformat()}, {one_line(bill.state, NAME)}{due}"
        yield field("bill", "Bill", value, simulated=bill.simulated)
    for one in facts.balances:
        yield field("balance", "Balance", f"{one.remaining} ({quoted(one.name, NAME)})", simulated=one.simulated)


def _live(known: Known) -> Iterator[ProfileField]:
    state = known.state
    for one in sayings(state):
        origin = Origin(of="events", at=one.word.at, events=1, sources=(one.word.source,), simulated=_unreal(one.word))
        yield ProfileField(name=one.name, label=one.label, value=one.words, origin=origin)
    if state.newest is None:
        return
    unreal = any(one.name == SIMULATED for one in state.sources)
    whole = Origin(
        of="events",
        at=state.newest,
        events=state.version,
        sources=tuple(one.name for one in state.sources),
        simulated=unreal,
    )
    for text in state.signals:
        yield ProfileField(name="signal", label="Stands out", value=text, origin=whole)
    if not state.signals:
        yield ProfileField(name="signal", label="Stands out", value="nothing", origin=whole)
    window = state.window(_WINDOW)
    for figure in window.figures:
        said = figure_in_words(figure)
        if said is not None:
            name = figure.name.partition(":")[0]
            counts = _COUNTED_BY.get(name, name)
            number = None if counts in _QUANTITIES else window.figure(counts)
            origin = _last_day(known, figure.name, number, simulated=unreal)
            yield ProfileField(name=name, label=f"Last {_WINDOW} days", value=said, origin=origin)
    for rhythm in state.rhythms:
        yield ProfileField(name="rhythm", label="Rhythm", value=rhythm_in_words(rhythm), origin=whole)
    for trend in state.trends:
        yield ProfileField(name="trend", label="Trend", value=trend_in_words(trend), origin=whole)
    yield from _latest(known)


def _unreal(word: Word) -> bool:
    return word.source == SIMULATED


def _latest(known: Known) -> Iterator[ProfileField]:
    topics, state = known.aggregate.topics, known.state
    for ticket, (at, said) in sorted(topics.get("tickets", {}).items()):
        if said["status"] == "opened":
            about = f"{quoted(ticket, NAME)}, about {_word(said['topic'])}"
            yield ProfileField(name="ticket", label="Open support ticket", value=about, origin=_said(at))
    if state.balance is not None:
        yield _word_on(known, "balance", "Balance, as they were told", str(state.balance))
    if state.place is not None:
        yield _word_on(known, "place", "Last known kind of place", _word(state.place))
    if state.nps is not None:
        yield _word_on(known, "nps", "Would recommend us (NPS)", f"{state.nps} of 10")
    if state.csat is not None:
        yield _word_on(known, "csat", "Is satisfied (CSAT)", f"{state.csat} of 5")


def _household(known: Known) -> Iterator[ProfileField]:
    topics, state = known.aggregate.topics, known.state
    if state.household_id is not None:
        yield _word_on(known, "household", "Household", one_line(state.household_id, NAME))
    for product in state.products:
        at, _ = topics["products"][product.product_id]
        yield ProfileField(name="product", label="Product", value=product_in_words(product), origin=_said(at))
    for device in state.devices:
        at, _ = topics["devices"][device.device_id]
        yield ProfileField(name="device", label="Device", value=device_in_words(device), origin=_said(at))


def _consents(known: Known) -> Iterator[ProfileField]:
    topics = known.aggregate.topics
    for consent in known.state.consents:
        at, _ = topics["consent"][f"{consent.purpose}/{consent.channel}"]
        yield ProfileField(name="consent", label="Consent", value=consent_in_words(consent), origin=_said(at))
    contact = known.state.last_contact
    if contact is not None:
        answer = f"{contact.purpose} by {_word(contact.channel)}, answer: {contact.answer}"
        yield _word_on(known, "contact", "Last contact", answer)


def _decisions(known: Known) -> Iterator[ProfileField]:
    for one in known.decided:
        run = one.proposed.run
        origin = Origin(of="record", at=run.updated_at, run_id=run.run_id)
        yield ProfileField(name="run", label=f"Run of {day(run.requested_at)}", value=_decided(one), origin=origin)


def _decided(one: DecidedRun) -> str:
    what = "nothing proposed" if one.proposed.treatment is None else one_line(one.proposed.treatment, NAME)
    cost: Money | None = one.proposed.cost
    price = "" if cost is None else f" for {cost}"
    people = ", ".join(f"{_VERDICTS[each.verdict]} by {each.approver}" for each in one.decisions)
    state = one.proposed.run.state.replace("_", " ")
    return f"{what.replace('_', ' ')}{price}: {state}{f'; {people}' if people else ''}"


def _keys(known: Known, reveal: bool) -> Iterator[ProfileField]:
    yield from _merges(known)
    for word in known.keys:
        kind, _, value = (word.key if reveal else masked(word.key)).partition(":")
        said = value if word.held else f"{value}, given up"
        since = "" if word.since is None else f", since {minute(word.since)}"
        yield ProfileField(
            name="key",
            label=_KINDS[kind],
            value=f"{said}{since} ({_how(word)})",
            origin=Origin(
                of="events",
                at=word.at,
                events=1,
                sources=(word.source,),
                simulated=word.source == SIMULATED,
            ),
            masked=not reveal,
        )


def _merges(known: Known) -> Iterator[ProfileField]:
    for one in known.merges:
        merge = one.merge
        said = f"{merge.merged_id} is {merge.customer_id}, signed by {merge.signer}"
        origin = Origin(of="record", at=one.taken_at)
        yield ProfileField(name="merge", label="Merged", value=said, origin=origin)


def _how(word: KeyWord) -> str:
    return "declared" if word.said_by == "link" else "seen on their mobile line"


def _word_on(known: Known, matter: str, label: str, value: str) -> ProfileField:
    at, _ = known.aggregate.topics["latest"][matter]
    return ProfileField(name=matter, label=label, value=value, origin=_said(at))


def _said(at: Stamp) -> Origin:
    """Return the origin of what one event said."""
    return Origin(of="events", at=time_of(at[0]), events=1, sources=(at[1],), simulated=at[1] == SIMULATED)


def _last_day(known: Known, name: str, number: int | None, *, simulated: bool) -> Origin:
    """Return the origin of a figure of the window; of what is summed by day, the newest day is known and no more."""
    last = day_of(known.as_of)
    days = [on for on, figures in known.aggregate.days.items() if figures.get(name) and on <= last]
    at = _EPOCH + max(days, default=last) * _DAY
    return Origin(of="events", at=at, exact=False, events=number, simulated=simulated)


def _word(code: str) -> str:
    return one_line(code, NAME).replace("_", " ")
