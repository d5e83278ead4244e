"""Who came into a strategy as something happened to them, compared with the entries that name them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from placet.contracts.audit import RecordKind, coming_stream, tenant_stream
from placet.storage.projections.finding import Finding, compare
from placet.storage.projections.rows import Entry
from placet.storage.strategies.coming import CAME, CameRow
from placet.storage.transaction import Transaction

_PASSED_OVER: Final[RecordKind] = "rollout.passed_over"
_MEMBER: Final = "rollout_member"
_AT_ONCE: Final = 10
"""Entries whose members are compared at a time: each names as many as were told of in one round."""
_SOME: Final = 20


def check_comers(tx: Transaction, tenant: str, version: str, *, named: bool) -> Iterator[Finding]:
    """Yield each difference between who came into a version and who its entries say came.

    Args:
        tx: A snapshot.
        tenant: Whose.
        version: Of which strategy.
        named: Whether every one of them is named; nobody was, of rollouts that were started before there were entries.
    """
    some = list[Entry]()
    for entry in tx.projections.entries([coming_stream(tenant, version)], [CAME]):
        some.append(entry)
        if len(some) == _AT_ONCE:
            yield from _compared(tx, tenant, version, some)
            some = []
    if some:
        yield from _compared(tx, tenant, version, some)
    if named:
        for customer in tx.coming.strays(tenant, version, _SOME):
            yield Finding(_MEMBER, _name(version, customer), "it was added: no entry says that they came in")


def _compared(tx: Transaction, tenant: str, version: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    there = tx.coming.came(tenant, version, [entry.seq for entry in entries])
    customers = [row.customer_id for rows in there.values() for row in rows]
    keys = [f"{_PASSED_OVER}.{version}.{customer}" for customer in customers]
    passed = tx.projections.of_step(tenant_stream(tenant), keys)
    for entry in entries:
        rows, recorded = {row.customer_id: row for row in there[entry.seq]}, _recorded(entry)
        for customer, said in recorded.items():
            row = rows.pop(customer, None)
            if row is None:
                yield Finding(_MEMBER, _name(version, customer), "it is gone, or names another entry: they came in")
                continue
            over = passed.get(f"{_PASSED_OVER}.{version}.{customer}")
            by = None if over is None else over.body.get("by", over.body.get("why"))
            yield from _differences(version, row, {**said, "passed_over": by})
        for customer in rows:
            yield Finding(_MEMBER, _name(version, customer), f"it was added: entry {entry.seq} does not name them")


def _differences(version: str, row: CameRow, said: dict[str, Any]) -> Iterator[Finding]:
    yield from compare(_MEMBER, _name(version, row.customer_id), row._asdict(), said)


def _recorded(entry: Entry) -> dict[str, dict[str, Any]]:
    """Return what an entry says of each whom it names; of one that cannot be read, nothing."""
    came = entry.body.get("came")
    return {
        str(one["customer_id"]): {
            "control": int(one["control"]),
            "bucket": one["bucket"],
            "enrolled_at": entry.at,
            "signal_at": datetime.fromisoformat(str(one["signal_at"])),
        }
        for one in (came if isinstance(came, list) else ())
    }


def _name(version: str, customer_id: str) -> str:
    return f"{version}/{customer_id}"
