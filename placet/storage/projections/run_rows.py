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
    """Compare each effect: its proposal, status, receipt and who resolved it."""
    known = {row["effect_key"]: row for row in rows}
    for key, effect in story.effects.items():
        row = known.pop(key, None)
        if row is None:
            yield Finding("effect", key, f"the row is gone, the record of {story.run_id} has the effect")
            continue
        found = {**row, "receipt": document(row["receipt"])}
        yield from compare("effect", key, found, {"tenant": tenant, **effect})
    for key in known:
        yield Finding("effect", key, f"nothing on the record of {story.run_id} intends it")


def check_decisions(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """Compare each accepted decision: whose it is, on what, and its place."""
    known = {row["envelope_digest"]: row for row in rows}
    for envelope, decision in story.decisions.items():
        row = known.pop(envelope, None)
        if row is None:
            yield Finding("decision_use", envelope, f"the row is gone, the record of {story.run_id} has the decision")
            continue
        yield from compare("decision_use", envelope, row, {"tenant": tenant, **decision})
    for envelope in known:
        yield Finding("decision_use", envelope, f"no such decision is on the record of {story.run_id}")


def check_uses(tenant: str, story: Story, rows: Rows) -> Iterator[Finding]:
    """Compare what was taken of a mandate, and whether it was given back."""
    known = {row["proposal"]: row for row in rows}
    for proposal, use in story.uses.items():
        name = f"{story.run_id}/{proposal[:16]}"
        row = known.pop(proposal, None)
        if row is None:
            yield Finding("mandate_use", name, "the row is gone, the record has the use")
            continue
        recorded = {"tenant": tenant, "customer_id": story.request.get("customer_id"), **use}
        yield from compare("mandate_use", name, row, recorded)
    for proposal in known:
        yield Finding("mandate_use", f"{story.run_id}/{proposal[:16]}", "the record has no such use")


CHECKS: Final[tuple[tuple[Table, Callable[[str, Story, Rows], Iterator[Finding]]], ...]] = (
    (RUN, check_run),
    (EFFECT, check_effects),
    (DECISION, check_decisions),
    (MANDATE_USE, check_uses),
)
"""Tables with rows about one run, and what compares them."""
