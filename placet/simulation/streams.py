"""Simulated streams as CloudEvents, and the ground truth beside them.

The rows are the bundled sample's; everything else is drawn. Each event's source is `simulated`, which every page that
shows a state names.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.times import rfc3339
from placet.errors import UsageError
from placet.simulation.days import day_of_person
from placet.simulation.persons import Person, draw_person

FIRST, LAST = date(1972, 1, 1), date(9998, 12, 31)
"""A simulation of the longest ends no earlier: all its days are after 1970."""


def simulate(rows: Iterable[Mapping[str, str]], *, last: date, days: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the events of `days` days up to `last`, a customer after the other, as they would be sent.

    Raises:
        UsageError: code `malformed`; `last` is no day that a simulation can end with.
    """
    if not FIRST <= last <= LAST:
        raise UsageError(f"a simulation ends between {FIRST} and {LAST}, not on {last}", code="malformed")
    for row in rows:
        person = draw_person(row, seed)
        for back in range(days - 1, -1, -1):
            on = last - timedelta(days=back)
            for number, (at, kind, data) in enumerate(day_of_person(person, on, last, seed)):
                yield {
                    "specversion": "1.0",
                    "id": _id(seed, person, on, number),
                    "source": SIMULATED,
                    "type": kind,
                    "subject": f"customer:{person.customer_id}",
                    "time": rfc3339(at),
                    "data": data,
                }


def truth_of(row: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Return what is true of a simulated customer: whether they leave, and what story was drawn for them."""
    person = draw_person(row, seed)
    return {
        "customer_id": person.customer_id,
        "leaves": person.leaves,
        "story": person.story,
        "onset_days_before_the_end": person.onset,
        "prepaid": person.prepaid,
        "household_id": person.household,
    }


def as_line(event: Mapping[str, Any]) -> str:
    """Return an event as a line of JSON."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _id(seed: int, person: Person, on: date, number: int) -> str:
    return hashlib.sha256(f"{seed}/{person.customer_id}/{on}/{number}".encode()).hexdigest()[:24]
