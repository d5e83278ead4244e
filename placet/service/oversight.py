"""What every interface does for oversight: seed a control, note that somebody looks, draw up the report."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from placet.contracts.audit import AuditEvent
from placet.contracts.people.access import Voucher
from placet.contracts.run import RunRequest
from placet.errors import GovernanceError, UsageError
from placet.governance.oversight.report import OversightReport, Tally
from placet.governance.oversight.stories import (
    OPENED,
    SEEDED,
    SEEN,
    Flaw,
    outcome_from,
    outcome_key,
    read_gate,
    seen_key,
)
from placet.notify.notices import ASKING
from placet.service.documents.access import list_tokens
from placet.service.given import person
from placet.service.keeping.tenant_record import vouched
from placet.service.runs import StartedRun, start_run
from placet.storage.database import Database
from placet.storage.governance.controls import ControlRecord
from placet.storage.records import RunRecord
from placet.storage.transaction import Transaction

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine

_PAGE: Final = 100


async def seed_control(database: Database, engine: "Engine", request: RunRequest, *, flaw: Flaw, by: str) -> StartedRun:
    """Mark `request` as a control, then start it as any other run.

    The mark is a row and an entry on the tenant's stream; nothing on the run's own record tells it apart.

    Who plants it knows, so that their own decision on it is left out of the figures: the name must be somebody's.

    Raises:
        UsageError: a value is malformed, or there is a run of this key already. Code `unknown_person`: `by` holds
            neither a key nor a token that counts.
        UpstreamUnavailable: marked and recorded, but Temporal did not start it; the same key starts it later.
    """
    now = datetime.now(UTC)
    person(by, "; write it as enrolled")
    if not _is_known(database, request.tenant, by, now):
        raise UsageError(
            f"nobody is known as {by!r}: no key and no token of that name counts; see `placet keys list` and "
            "`placet token list`",
            code="unknown_person",
        )
    control = ControlRecord(run_id=request.run_id, tenant=request.tenant, flaw=flaw, seeded_by=by, seeded_at=now)
    with database.transaction() as tx:
        if tx.runs.get(request.run_id) is not None:
            raise UsageError(
                f"run key {request.key!r} is taken; a run becomes no control afterwards", code="run_exists"
            )
        tx.controls.seed(control)
        tx.record_act(request.tenant, SEEDED, by, now, request.run_id, {"run_id": request.run_id, "flaw": flaw})
    return await start_run(database, engine, request)


def _is_known(database: Database, tenant: str, name: str, now: datetime) -> bool:
    with database.reading() as tx:
        if any(key.name == name and key.counts(now) for key in tx.approvers.list(tenant)):
            return True
    tokens = list_tokens(database, tenant)
    return any(one.name == name and one.revoked_at is None and not one.fault for one in tokens)


def record_seen(
    database: Database, run: RunRecord, proposal: str, name: str, channel: str = "cli", by: Voucher | None = None
) -> bool:
    """Record that `name` looks at a proposal that waits for a decision: their first look at it.

    `by` is the token or passkey that vouches for the name; without one it is their own word.

    Returns:
        False when `name` holds no key that counts: no look of theirs can precede a decision, and none is recorded.

    Raises:
        UsageError: `name` is malformed.
    """
    person(name, "; write it as enrolled")
    if run.state != "awaiting_decision":
        return True
    now, body = datetime.now(UTC), vouched({"proposal": proposal, "channel": channel}, by)
    with database.transaction() as tx:
        if not any(key.name == name and key.counts(now) for key in tx.approvers.list(run.tenant)):
            return False
        tx.record(run, SEEN, actor=name, at=now, body=body, key=seen_key(name, proposal))
    return True


def draw_up_report(
    database: Database, *, tenant: str, days: int, approver: str | None = None, now: datetime | None = None
) -> OversightReport:
    """Report on the gates opened, and the controls seeded, in the last `days` days.

    The record is read backwards from its newest entry, a page at a time: the report costs what happened in the window,
    whatever happened before it.

    Args:
        database: Where the record is.
        tenant: Whose gates.
        days: Length of the window.
        approver: Leave out the figures of everybody else.
        now: The caller's clock, which is where the window ends; None looks at it.

    Raises:
        GovernanceError: code `audit_broken`; an entry cannot be read, so that no figure would be right.
    """
    until = now or datetime.now(UTC)
    since = until - timedelta(days=days)
    tally = Tally(approver)
    before: int | None = None
    with database.snapshot() as tx:  # all figures are of one moment
        first = tx.audit.position_before(tenant, since)
        delivered, undelivered = _notifications(tx, tenant, since)
        while True:
            page = tx.audit.newest(tenant, (OPENED, SEEDED), after_id=first, before_id=before, limit=_PAGE)
            for _, event in page:
                try:
                    _count(tx, tally, event)
                except (KeyError, TypeError, ValueError) as error:
                    raise GovernanceError(
                        f"the record of {event.stream!r} holds an entry that Placet never writes; run `placet audit "
                        "verify`",
                        code="audit_broken",
                    ) from error
            if len(page) < _PAGE:
                break
            before = page[-1][0]
    return tally.report(tenant=tenant, since=since, until=until, delivered=delivered, undelivered=undelivered)


def _count(tx: Transaction, tally: Tally, event: AuditEvent) -> None:
    if event.kind == SEEDED:
        run_id = str(event.body["run_id"])
        outcome = tx.audit.find(event.stream, outcome_key(run_id))
        tally.add_control(read_gate(tx.audit.read(run_id)), outcome_from(outcome), event.actor)
    elif tx.controls.get(event.tenant, event.stream) is None:
        story = read_gate(tx.audit.read(event.stream))
        if story is not None:
            tally.add(story)


def _notifications(tx: Transaction, tenant: str, since: datetime) -> tuple[int, int]:
    """Count those that ask someone and were delivered, and those that were not, or not yet."""
    asking = [row for row in tx.outbox.counts(tenant, since) if row.occasion in ASKING]
    delivered = sum(row.count for row in asking if row.status == "delivered")
    return delivered, sum(row.count for row in asking) - delivered
