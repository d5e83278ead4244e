"""What happens to a simulated customer on one day.

A day is drawn by itself, from the seed, the customer and the date: a longer simulation has the same days at its end.
"""

import hashlib
import random  # noqa: TID251 - seeded by digest, and only to simulate
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from placet.simulation.persons import Person, chance_of

Happening = tuple[datetime, str, dict[str, Any]]
"""When, the event's type, and what it says."""

_CURRENCY: Final = "USD"
_WEEKEND: Final = 5
_FADED: Final = 0.15
"""What is left of a silent churner's use at the end."""
_FADES: Final = 30
_BILL_DAY: Final = 3
_TOLD_DAY: Final = 5
"""On which systems say who somebody is, each month."""
_SCORE_DAY: Final = 20
_NO_MODEL: Final = hashlib.sha256(b"a simulated model, which there is not").hexdigest()
_LATE: Final = 2.2
# How often something comes on a day.
_APP: Final = 0.25
_CHECK: Final = 0.08
_FAULT: Final = 0.004
_SIGN: Final = 0.08
_TICKET: Final = 0.05
_WALLET: Final = 0.1
_CONTACT: Final = 0.015
_HELD_DAYS: Final = 31
"""Days before the end on which products and consent are said: no window of 30 days counts them as new."""


def day_of_person(person: Person, on: date, last: date, seed: int) -> Iterator[Happening]:
    """Yield what happens to a customer on a day, of a simulation that ends with `last`, in no order."""
    chance, left = chance_of(seed, person.customer_id, on), (last - on).days
    use = _use(person, on, left)
    yield from _usage(person, on, chance, use)
    yield from _money(person, on, chance, left, seed)
    yield from _app(on, chance, use)
    yield from _story(person, on, chance, left)
    yield from _said(person, on, last, chance)
    # Of a chance of their own, and last: what is drawn above stays what it was.
    yield from _held(person, on, left, chance_of(seed, person.customer_id, on, "held"))
    yield from _reached(person, on, chance_of(seed, person.customer_id, on, "reached"))


def _use(person: Person, on: date, left: int) -> float:
    """Return how much is used: more at the weekend, more in winter, less and less by who leaves silently."""
    season = 1.0 + 0.1 * (1 if on.month in (11, 12, 1) else 0)
    week = 1.25 if on.weekday() >= _WEEKEND else 1.0
    if person.story != "silent" or left > person.onset:
        return season * week
    gone = min(1.0, (person.onset - left) / _FADES)
    return season * week * (1 - gone * (1 - _FADED))


def _usage(person: Person, on: date, chance: random.Random, use: float) -> Iterator[Happening]:
    data = round(person.data_mb * use * chance.lognormvariate(0, 0.4))
    if data:
        yield _at(on, chance), "placet.usage.recorded.v1", {"service": "data", "quantity": data}
    calls = round(person.calls * use * chance.lognormvariate(0, 0.5))
    if calls:
        yield _at(on, chance), "placet.usage.recorded.v1", {"service": "voice", "quantity": calls}


def _money(person: Person, on: date, chance: random.Random, left: int, seed: int) -> Iterator[Happening]:
    if person.prepaid:
        if _recharges(person, on, left, seed):
            amount = {"amount_minor": chance.choice((500, 1000, 1500, 2000)), "currency": _CURRENCY}
            yield _at(on, chance), "placet.balance.recharged.v1", {"amount": amount, "channel": "app"}
        return
    bill = f"SB-{person.customer_id}-{on:%Y%m}"
    amount = {"amount_minor": person.monthly_minor, "currency": _CURRENCY}
    if on.day == _BILL_DAY:
        yield _at(on, chance), "placet.bill.issued.v1", {"bill_id": bill, "amount": amount}
        if person.story == "disputer" and left <= person.onset + 30:
            yield _at(on, chance, 20), "placet.bill.disputed.v1", {"bill_id": bill}
    if on.day == _BILL_DAY + 7:
        yield _at(on, chance), "placet.bill.paid.v1", {"bill_id": bill, "amount": amount}


def _recharges(person: Person, on: date, left: int, seed: int) -> bool:
    """Return whether a customer recharges on a day: every `gap_days`, a day early or late; later by who fades."""
    late = _LATE if person.story == "silent" and left <= person.onset else 1.0
    gap = round(person.gap_days * late)
    turn, day = divmod(on.toordinal() + len(person.customer_id) * 7 + int(person.customer_id[1:]) % gap, gap)
    return day == chance_of(seed, person.customer_id, "recharge", turn).choice((0, 0, 1)) % gap


def _app(on: date, chance: random.Random, use: float) -> Iterator[Happening]:
    if _comes(chance, _APP * use):
        yield _at(on, chance), "placet.app.visited.v1", {"screen": chance.choice(("home", "usage", "bills"))}
    if _comes(chance, _CHECK):
        yield _at(on, chance), "placet.balance.checked.v1", {"channel": "app"}


def _story(person: Person, on: date, chance: random.Random, left: int) -> Iterator[Happening]:
    if _comes(chance, _FAULT):
        minutes = chance.randint(10, 240)
        yield _at(on, chance), "placet.network.fault.v1", {"minutes": minutes}
    if left > person.onset:
        return
    if person.story == "shopper" and _comes(chance, _SIGN):
        sign = chance.choice(("app_opened", "price_asked", "porting_asked"))
        yield _at(on, chance), "placet.competitor.signal.v1", {"sign": sign, "competitor": "another operator"}
    if person.story == "disputer" and _comes(chance, _TICKET):
        ticket = {"ticket_id": f"ST-{person.customer_id}-{on:%Y%m%d}", "status": "opened", "topic": "bill"}
        yield _at(on, chance), "placet.support.ticket.v1", ticket
    if person.story == "family" and left == person.onset:
        yield _at(on, chance, 1), "placet.household.changed.v1", {"household_id": person.household}
        for number, kind in enumerate(("tablet", "tv")):
            device = {
                "device_id": f"SD-{person.customer_id}-{number}",
                "kind": kind,
                "network": "home",
                "has_line": False,
            }
            yield _at(on, chance), "placet.device.seen.v1", device


def _said(person: Person, on: date, last: date, chance: random.Random) -> Iterator[Happening]:
    born, since = last.year - person.age, last - timedelta(days=30 * person.tenure)
    if on.day == _TOLD_DAY and on.year >= born:
        said: dict[str, Any] = {"birth_year": born, "area": person.area}
        if since <= on:
            said["customer_since"] = since.isoformat()
        yield _at(on, chance), "placet.customer.described.v1", said
    if on.day == _SCORE_DAY:
        points = chance.randint(4_500, 9_500) if person.leaves else chance.randint(200, 5_500)
        yield _at(on, chance), "placet.churn.scored.v1", {"basis_points": points, "model": _NO_MODEL}


def _held(person: Person, on: date, left: int, chance: random.Random) -> Iterator[Happening]:
    """Yield what systems say of a customer's products and consent once, and payments by the wallet."""
    if left == _HELD_DAYS:
        for purpose in ("marketing", "profiling"):
            yield _at(on, chance), "placet.consent.changed.v1", {"purpose": purpose, "given": person.agrees}
        for line in person.lines:
            product = {
                "product_id": f"SP-{person.customer_id}-{line}",
                "line": line,
                "offering_id": f"simulated-{line}",
            }
            yield _at(on, chance), "placet.plan.changed.v1", product
    if "wallet" in person.lines and _comes(chance, _WALLET):
        amount = {"amount_minor": chance.choice((150, 400, 900, 2500)), "currency": _CURRENCY}
        category = chance.choice(("food", "transport", "bills", "other"))
        yield _at(on, chance), "placet.wallet.paid.v1", {"amount": amount, "category": category}


def _reached(person: Person, on: date, chance: random.Random) -> Iterator[Happening]:
    """Yield messages of ours that reached who agreed to them, with an answer."""
    if person.agrees and _comes(chance, _CONTACT):
        answer = chance.choices(("none", "opened", "accepted", "refused"), (60, 25, 8, 7))[0]
        message = {"channel": chance.choice(("sms", "push", "in_app")), "purpose": "marketing", "answer": answer}
        yield _at(on, chance), "placet.customer.contacted.v1", message


def _comes(chance: random.Random, often: float) -> bool:
    return chance.random() < often


def _at(on: date, chance: random.Random, first_hour: int = 6) -> datetime:
    seconds = chance.randint(first_hour * 3600, 24 * 3600 - 1)
    return datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(seconds=seconds)
