"""Where customers are in strategies of several steps, compared with the entries of each journey.

What a look writes until the next one (what it waits for, when it looks again) is on no record, nor is when a customer
accepted: that follows from their events.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from placet.contracts.audit import ENDED as RUN_ENDED
from placet.contracts.audit import RecordKind, journey_stream
from placet.contracts.strategies.journey import journey_id
from placet.storage.log.tree import LOWEST_POSITION
from placet.storage.projections.finding import Finding, compare
from placet.storage.projections.rows import Entry
from placet.storage.sql.driver import Row
from placet.storage.transaction import Transaction

_ENTERED: Final[RecordKind] = "journey.entered"
_MOVED: Final[RecordKind] = "journey.moved"
_ENDED: Final[RecordKind] = "journey.ended"
_TABLE: Final = "journey"
_OVER: Final = "over"


@dataclass(slots=True)
class _Way:
    """What the entries of a journey lead to: those of the customer's last time in it."""

    entered: Entry | None = None
    number: int = 0
    last: Entry | None = None
    ended: Entry | None = None
    runs: list[str] = field(default_factory=list)

    def tell(self, entry: Entry) -> None:
        """Follow one more entry."""
        if entry.kind == _ENTERED:
            self.entered, self.number, self.last, self.ended, self.runs = entry, self.number + 1, entry, None, []
        elif entry.kind == _MOVED:
            self.last = entry
        elif entry.kind == _ENDED:
            self.ended = entry
        if isinstance(run := entry.body.get("run"), str):
            self.runs.append(run)


def check_journeys(tx: Transaction, tenant: str) -> Iterator[Finding]:
    """Yield each difference between the journeys of a tenant and the record."""
    for page in tx.journeys.pages(tenant):
        streams = [_stream(tenant, row) for row in page]
        ways = {stream: _Way() for stream in streams}
        for entry in tx.projections.entries(streams):
            ways[entry.stream].tell(entry)
        told = _took_effect(tx, [run for way in ways.values() for run in way.runs])
        for stream, row in zip(streams, page, strict=True):
            yield from _row(row, ways[stream], told)
    yield from _gone(tx, tenant)


def _row(row: Row, way: _Way, told: Mapping[str, datetime]) -> Iterator[Finding]:
    name, entered, ended = _name(row["customer_id"], row["strategy"]), way.entered, way.ended
    if entered is None or way.last is None:
        yield Finding(_TABLE, name, "it was added: nothing on the record says that they entered")
        return
    signal = entered.body.get("signal_at")
    at = way.last.body.get("to" if way.last.kind == _MOVED else "step")
    recorded: dict[str, Any] = {
        "version": entered.body.get("version"),
        "number": way.number,
        "step": at,
        "step_since": way.last.at,
        "entered_at": entered.at,
        "signal_at": None if signal is None else datetime.fromisoformat(str(signal)),
        "ended_at": None if ended is None else ended.at,
        "ended_code": None if ended is None else ended.body.get("code"),
        "reason": None if ended is None else ended.body.get("reason"),
    }
    yield from compare(_TABLE, name, row, recorded)
    if (row["phase"] == _OVER) is not (ended is not None):
        said = "it has ended" if ended is not None else "it goes on"
        yield Finding(_TABLE, name, f"phase is {row['phase']!r}, the record says that {said}")
    first = next((told[run] for run in way.runs if run in told), None)
    if row["told_at"] != first and not (first is None and _unnamed(ended)):
        yield from compare(_TABLE, name, row, {"told_at": first})
    accepted = row["converted_at"]
    if accepted is not None and (row["told_at"] is None or accepted < row["told_at"]):
        yield Finding(_TABLE, name, "converted_at is before they were told anything")


def _unnamed(ended: Entry | None) -> bool:
    """Return whether a journey may have ended by a run that its entry does not name, as once it did."""
    return ended is not None and ended.body.get("code") == "through" and "run" not in ended.body


def _took_effect(tx: Transaction, runs: Sequence[str]) -> dict[str, datetime]:
    """Return when those of some runs ended that took effect."""
    if not runs:
        return {}
    ends = tx.projections.entries(sorted(set(runs)), [RUN_ENDED])
    return {entry.stream: entry.at for entry in ends if entry.body.get("state") == "executed"}


def _gone(tx: Transaction, tenant: str) -> Iterator[Finding]:
    """Yield the journeys on the record that have no row."""
    after = LOWEST_POSITION
    while page := tx.projections.journey_streams(tenant, after):
        of = {
            entry.stream: (str(entry.body.get("customer_id")), str(entry.body.get("strategy")))
            for entry in tx.projections.entries([stream for _, stream in page], [_ENTERED])
        }
        there = tx.journeys.present(tenant, [customer for customer, _ in of.values()])
        for customer, strategy in of.values():
            if (customer, strategy) not in there:
                yield Finding(_TABLE, _name(customer, strategy), "the row is gone: they entered it by the record")
        after = page[-1][0]


def _stream(tenant: str, row: Row) -> str:
    return journey_stream(journey_id(tenant, row["strategy"], row["customer_id"]))


def _name(customer_id: str, strategy: str) -> str:
    return f"{customer_id}/{strategy}"
