"""Rollouts and their members compared with the entries that led to them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from placet.contracts.audit import tenant_stream
from placet.contracts.strategies.journey import journey_id
from placet.governance.membership import uncovered
from placet.storage.projections.comer_rows import check_comers
from placet.storage.projections.finding import Finding, compare
from placet.storage.projections.rows import Entry, ProjectionRows, document
from placet.storage.sql.driver import Row
from placet.storage.tables import ROLLOUT
from placet.storage.transaction import Transaction

_STARTED: Final = "rollout.started"
_DRAWN: Final = "rollout.drawn"
_COUNTED: Final = {
    "moves": "rollout.moved",
    "holds": "rollout.held",
    "ended": "rollout.ended",
    "looks": "rollout.looked",
}
"""The columns that say how many entries of a kind there are."""


def check_rollouts(tx: Transaction, tenant: str) -> Iterator[Finding]:
    """Yield each difference between the rollouts of a tenant, with their members, and the record."""
    rows, stream = tx.projections, tenant_stream(tenant)
    counted = {column: _many(rows, stream, kind) for column, kind in _COUNTED.items()}
    drawn = _many(rows, stream, _DRAWN)
    for page in rows.pages(ROLLOUT, "version", tenant):
        started = rows.of_step(stream, [f"{_STARTED}.{row['version']}" for row in page])
        for row in page:
            version = row["version"]
            entry = started.get(f"{_STARTED}.{version}")
            if entry is None:
                yield Finding("rollout", version, f"no {_STARTED!r} of it is on the record")
                continue
            yield from _row(tenant, row, entry)
            yield from compare("rollout", version, row, {name: many[version] for name, many in counted.items()})
            if "comers" in entry.body:
                yield from compare("rollout", version, row, {"coming": 1})
            yield from _members(tx, tenant, row, drawn[version])
            if row["coming"] or "comers" in entry.body:
                yield from check_comers(tx, tenant, version, named="comers" in entry.body)
    for steps in rows.steps_of_kind(stream, _STARTED):
        versions = [step.removeprefix(f"{_STARTED}.") for step in steps]
        there = rows.present(ROLLOUT, "version", tenant, versions)
        for gone in (one for one in versions if one not in there):
            yield Finding("rollout", gone, f"the row is gone, the record has its {_STARTED!r}")
    for stray in tx.rollouts.astray(tenant):
        yield Finding("rollout_member", stray, "there are members, and no rollout of that version")


def _row(tenant: str, row: Row, entry: Entry) -> Iterator[Finding]:
    """Compare what was started: its workflow is given it, and the names of runs are made of it."""
    asked = document(row["asked"])
    found: Mapping[str, Any] = asked if isinstance(asked, dict) else {}
    body = entry.body
    recorded = {
        "tenant": tenant,
        "strategy": body.get("strategy"),
        "version": row["version"],
        "agent": body.get("agent"),
        "channel": body.get("channel"),
        "requested_by": entry.actor,
    }
    if found.keys() != {*recorded, "requested_at"}:
        yield Finding("rollout", row["version"], "asked is not what was started")
        return
    yield from compare("rollout", row["version"], found, recorded)
    yield from compare("rollout", row["version"], row, {"started_at": entry.at})


def _members(tx: Transaction, tenant: str, row: Row, drawn: int) -> Iterator[Finding]:
    version = row["version"]
    keys = {f"{_DRAWN}.{version}.{number}": number for number in range(1, drawn + 1)}
    entries = tx.projections.of_step(tenant_stream(tenant), list(keys))
    recorded = {keys[key]: entry.body for key, entry in entries.items()}
    taken = dict(tx.rollouts.taken_down(tenant, version))
    if row["coming"]:
        taken.pop(0, None)  # who comes in as something happens to them is named: see `check_comers`
    if row["enrolled"] <= row["moves"]:
        taken.pop(drawn + 1, None)  # a drawing that is under way has members, and no entry yet
    if (fault := uncovered(recorded, taken)) is not None:
        yield Finding("rollout_member", version, fault)
    asked = document(row["asked"])
    strategy = asked.get("strategy") if isinstance(asked, dict) else None
    for customer, journey in tx.rollouts.noted_journeys(tenant, version):
        if journey != journey_id(tenant, str(strategy), customer):
            yield Finding("rollout_member", version, f"the journey of member {customer!r} is none of theirs in it")
    for customer in tx.rollouts.noted_wrongly(tenant, version):
        yield Finding("rollout_member", version, f"the run of member {customer!r} is none of this rollout about them")


def _many(rows: ProjectionRows, stream: str, kind: str) -> Counter[str]:
    """Return how many entries of a kind each version has, by their step keys: kind, version, and mostly a number."""
    return Counter(
        step.removeprefix(f"{kind}.").partition(".")[0] for steps in rows.steps_of_kind(stream, kind) for step in steps
    )
