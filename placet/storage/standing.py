"""Where a run stands by its record. Its row only projects that: nothing that may lead to an effect rests on the row."""

from collections.abc import Iterable
from typing import Final, cast

from pydantic import ValidationError

from placet.contracts.audit import ENDED, AuditEvent
from placet.contracts.people.decision import YES
from placet.contracts.run import END_STATES, OPEN_STATES, RunRequest, RunState
from placet.contracts.text import NAME, quoted
from placet.errors import GovernanceError, StorageError
from placet.governance.log.chain import entry_hash
from placet.storage.pending import OPENED, PROPOSED, amended_key
from placet.storage.records import RunRecord
from placet.storage.sql.reading import pass_on_others
from placet.storage.transaction import Transaction

REQUESTED: Final = "run.requested"
_WANTED: Final = ("customer_id", "agent", "key", "reverses", "strategy", "channel", "step")
_TOLD: Final = {
    "customer_id": "customer",
    "requested_by": "asked for by",
    "agent": "agent",
    "reverses": "reverses",
    "strategy": "strategy",
    "channel": "channel",
    "step": "step",
}


def request_on_record(tx: Transaction, run_id: str) -> RunRequest | None:
    """Return what was requested under `run_id`, by its entry; None where nobody requested it.

    Raises:
        GovernanceError: code `audit_broken`; the entry cannot be read.
    """
    entry = tx.audit.find(run_id, REQUESTED)
    if entry is None:
        return None
    if entry_hash(entry) != entry.hash:
        raise GovernanceError(f"the request of run {run_id!r} is not what was written", code="audit_broken")
    wanted = {name: entry.body.get(name) for name in _WANTED}
    try:
        return RunRequest(run_id=run_id, tenant=entry.tenant, requested_by=entry.actor, requested_at=entry.at, **wanted)
    except ValidationError as error:
        raise GovernanceError(f"the request of run {run_id!r} cannot be read", code="audit_broken") from error


def contradiction(tx: Transaction, run: RunRecord) -> str:
    """Say what a run's row says otherwise than its record: its request, its end, its proposal; empty where they agree.

    Raises:
        GovernanceError: code `audit_broken`; an entry cannot be read.
    """
    # Whoever asks this reads the gate next: one statement for all.
    tx.audit.foresee(run.run_id, REQUESTED, ENDED, PROPOSED, OPENED)
    asked = request_on_record(tx, run.run_id)
    if asked is None:
        return f"nobody requested run {run.run_id} on the record"
    ended = tx.audit.find(run.run_id, ENDED)
    told = {name: (what, getattr(run, name), getattr(asked, name)) for name, what in _TOLD.items()}
    over = run.state if run.state in END_STATES else "not over"
    told["state"] = ("it is", over, "not over" if ended is None else ended.body.get("state"))
    told["proposal"] = ("its proposal is", run.proposal, _proposal_on_record(tx, run.run_id))
    for what, row, record in told.values():
        if row != record:
            return (
                f"the row of run {run.run_id} says {what} {quoted(str(row), NAME)}, its record "
                f"{quoted(str(record), NAME)}: somebody changed the database"
            )
    return ""


def row_fault(tx: Transaction, run: RunRecord) -> str:
    """Return what a run's row says otherwise than its record, or why nobody can tell; empty where they agree.

    For whoever shows a run. Read the row in the same snapshot: the next one may know of its end already.
    """
    try:
        return contradiction(tx, run)
    except (GovernanceError, StorageError) as error:
        pass_on_others(error)
        return str(error)


def _proposal_on_record(tx: Transaction, run_id: str) -> object:
    """Return the digest of what was proposed, as amended since; None where nothing was."""
    entry = tx.audit.find(run_id, PROPOSED)
    found = None if entry is None else entry.body.get("proposal")
    seen = {str(found)}
    while found is not None and (amended := tx.audit.find(run_id, amended_key(str(found)))) is not None:
        found = amended.body.get("proposal")
        if str(found) in seen:
            raise GovernanceError(f"the amendments of run {run_id!r} lead back to an earlier one", code="audit_broken")
        seen.add(str(found))
    return found


def approvals_in(entries: Iterable[AuditEvent], proposal: str) -> int:
    """Return how many approvals of one proposal entries of its run accepted; whether each still counts is not asked."""
    said = [entry.body for entry in entries if entry.kind == "approve.decided"]
    return sum(body.get("proposal") == proposal and body.get("verdict") in YES for body in said)


def is_over(tx: Transaction, run_id: str) -> bool:
    """Return whether the run's end is on record."""
    return tx.audit.find(run_id, ENDED) is not None


def state_on_record(tx: Transaction, run: RunRecord) -> RunState:
    """Return how the run ended by its record; what its row says of the way there, where no end is on record."""
    ended = tx.audit.find(run.run_id, ENDED)
    if ended is not None:
        return cast("RunState", ended.body["state"])
    return run.state if run.state in OPEN_STATES else "analysing"
