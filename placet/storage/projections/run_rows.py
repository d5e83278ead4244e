"""Rows about one run compared with its story: one function for each table, and one for what the inbox sorts by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table

from placet.storage.projections.finding import Finding, compare
from placet.storage.projections.rows import document
from placet.storage.projections.story import Story
from placet.storage.sql.driver import Row
from placet.storage.tables import DECISION, EFFECT, MANDATE_USE, RUN

Rows = Sequence[Row]


def check_run(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """Compare where the run stands, what it was asked for, and the digests of what it produced."""
    if not rows:
        if story.request:
            yield Finding("run", story.run_id, "the row is gone, the record has the run")
        return
    row = rows[0]
    recorded = {"tenant": tenant, **story.request, "state": story.state, "code": story.code, **story.digests}
    if story.over:  # before that, it may say what the run is waiting for
        recorded["detail"] = story.detail
    yield from compare("run", story.run_id, row, recorded)
    yield from compare("run", story.run_id, {"receipt": document(row["receipt"])}, {"receipt": story.receipt})


def check_asked(story: Story, rows: Rows, proposal: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Compare what the inbox shows and sorts a run by: its gate, its proposal, and whether people have answered.

    `proposal` is the document that people were asked about; None where it is no longer kept, empty where altered.
    """
    if not rows:
        return
    recorded: dict[str, object] = {"answered_at": story.answered_at}
    if story.asked is None:
        recorded |= dict.fromkeys((*_GATE, *_PROPOSAL))
    else:
        digest, gate = story.asked
        recorded |= {column: read(gate) for column, read in _GATE.items()}
        recorded["waits_until"] = datetime.fromisoformat(gate["expires_at"])
        if proposal:
            recorded |= {column: read(proposal) for column, read in _PROPOSAL.items()}
        elif proposal is not None:
            yield Finding("artifact", digest, f"what {story.run_id} proposes is not the document of that digest")
    yield from compare("run", story.run_id, rows[0], recorded)


_GATE: Final[dict[str, Callable[[Mapping[str, Any]], object]]] = {
    "quorum": lambda gate: gate["quorum"],
    "asked_roles": lambda gate: f"|{'|'.join(gate['roles'])}|",
    "escalate_to": lambda gate: gate["escalate_to"],
    "escalate_at": lambda gate: datetime.fromisoformat(gate["escalate_at"]) if gate["escalate_at"] else None,
}
_PROPOSAL: Final[dict[str, Callable[[Mapping[str, Any]], object]]] = {
    "treatment": lambda proposal: proposal["treatment"],
    "mutation_kind": lambda proposal: proposal["mutation"]["kind"],
    "cost_minor": lambda proposal: proposal["cost"]["amount_minor"],
    "cost_currency": lambda proposal: proposal["cost"]["currency"],
}


def check_effects(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """List what became of each effect: its proposal, status, receipt and who resolved it."""
    known = {row["effect_key"]: {**row, "receipt": document(row["receipt"])} for row in rows}
    recorded = {key: {"tenant": tenant, **effect} for key, effect in story.effects.items()}
    record = f"the record of {story.run_id}"
    gone, surplus = f"the row is gone, {record} has the effect", f"nothing on {record} intends it"
    yield from _check_each("effect", known, recorded, gone, surplus)


def check_decisions(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """Compare each accepted decision: whose it is, on what, and its place."""
    known = {row["envelope_digest"]: row for row in rows}
    recorded = {envelope: {"tenant": tenant, **decision} for envelope, decision in story.decisions.items()}
    record = f"the record of {story.run_id}"
    gone, surplus = f"the row is gone, {record} has the decision", f"no such decision is on {record}"
    yield from _check_each("decision_use", known, recorded, gone, surplus)


def check_uses(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """Compare what was taken of a mandate, and whether it was given back."""
    known = {row["proposal"]: row for row in rows}
    customer = story.request.get("customer_id")
    recorded = {proposal: {"tenant": tenant, "customer_id": customer, **use} for proposal, use in story.uses.items()}
    gone, surplus = "the row is gone, the record has the use", "the record has no such use"
    yield from _check_each("mandate_use", known, recorded, gone, surplus, lambda key: f"{story.run_id}/{key[:16]}")


def _check_each(
    table: str,
    known: Mapping[str, Mapping[str, Any]],
    recorded: Mapping[str, Mapping[str, Any]],
    gone: str,
    surplus: str,
    name: Callable[[str], str] = str,
) -> Iterator[Finding]:
    """Compare what is recorded with its rows, by key; then tell of rows that nothing on the record is about."""
    for key, entry in recorded.items():
        if key in known:
            yield from compare(table, name(key), known[key], entry)
        else:
            yield Finding(table, name(key), gone)
    for key in known:
        if key not in recorded:
            yield Finding(table, name(key), surplus)


CHECKS: Final[tuple[tuple[Table, Callable[[str, Story, Rows], Iterator[Finding]]], ...]] = (
    (RUN, check_run),
    (EFFECT, check_effects),
    (DECISION, check_decisions),
    (MANDATE_USE, check_uses),
)
"""Tables with rows about one run, and what compares them."""
