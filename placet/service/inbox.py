"""What every interface shows of what waits for a person: a page, in either order, and how many there are in all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.gate import Gate
from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, UsageError
from placet.governance.quorum import roles_at
from placet.service.given import checked
from placet.storage.database import Database
from placet.storage.inbox import InboxFilter, InboxMark, InboxOrder, InboxRow, MoneyPlace, money_place
from placet.storage.pending import pending_on_record
from placet.storage.records import RunRecord
from placet.storage.sql.paging import unknown_cursor
from placet.storage.standing import approvals_in, contradiction
from placet.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of people, as the record says: `approvals` of the gate's quorum are there already."""

    proposal: Proposal
    gate: Gate
    roles: tuple[str, ...]
    approvals: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """One run that waits.

    Attributes:
        asked: None where its proposal or its record cannot be read.
        fault: What is wrong with it; empty where nothing is.
    """

    record: RunRecord
    waits_until: datetime
    asked: Asked | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Some of the runs that wait, in the order that was asked for.

    Attributes:
        total: How many wait in all, within the filter.
        next: What to pass as `after` to go on; None at the end.
        mark: Changes when the list does, whatever the page.
    """

    rows: tuple[Waiting, ...]
    total: int
    next: str | None
    mark: str = ""


def parse_filter(values: Mapping[str, object]) -> InboxFilter:
    """Return the filter a person states.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return InboxFilter.model_validate(values)


def read_inbox(
    database: Database,
    tenant: str,
    wanted: InboxFilter,
    now: datetime,
    *,
    limit: int = 50,
    after: str | None = None,
    order: InboxOrder = "soonest",
) -> InboxPage:
    """Return a page of what waits. A run whose record or proposal cannot be read is shown as damaged.

    Raises:
        StorageError: code `storage_row`; the row of a run cannot be read. It is named; nothing is listed without it.
        UsageError: `after` ended no page in this order, or the filter names a decider who holds no key.
    """
    place = None if after is None or order == "soonest" else _read_place(after)
    with database.snapshot() as tx:  # the count is of the same moment as the page
        wanted = _of_decider(tx, tenant, wanted, now)
        mark = tx.inbox.mark(tenant, wanted, now)
        if order == "soonest":
            found = tx.inbox.page(tenant, wanted, now, limit=limit + 1, after=after)
        else:
            found = tx.inbox.largest(tenant, wanted, now, limit=limit + 1, after=place)
        rows = tuple(_waiting(tx, row, now) for row in found[:limit])
    following = _cursor(found[limit - 1], order) if len(found) > limit else None
    return InboxPage(rows, mark.count, following, _written(mark))


def inbox_mark(database: Database, tenant: str, wanted: InboxFilter, now: datetime) -> str:
    """Return the mark of a list, by one small read.

    Raises:
        UsageError: the filter names a decider who holds no key.
    """
    with database.reading() as tx:
        return _written(tx.inbox.mark(tenant, _of_decider(tx, tenant, wanted, now), now))


def _written(mark: InboxMark) -> str:
    moved = 0 if mark.moved_at is None else int(mark.moved_at.timestamp() * 1_000_000)
    return f"{mark.count}.{moved}"


def _cursor(row: InboxRow, order: InboxOrder) -> str:
    if order == "soonest":
        return row.record.run_id
    place = money_place(row)
    return f"{place.currency}:{place.less}:{place.run_id}"


def _read_place(cursor: str) -> MoneyPlace:
    currency, _, rest = cursor.partition(":")
    less, _, run_id = rest.partition(":")
    try:
        return MoneyPlace(currency=currency, less=int(less), run_id=run_id)
    except ValueError as error:  # pydantic's own error is one
        raise unknown_cursor(cursor) from error


def held_roles(database: Database, tenant: str) -> frozenset[str]:
    """Return the roles that keys hold."""
    with database.reading() as tx:
        return frozenset(role for key in tx.approvers.list(tenant) for role in key.roles)


def _of_decider(tx: Transaction, tenant: str, wanted: InboxFilter, now: datetime) -> InboxFilter:
    """Ask for the roles the decider holds, in their own name or by delegation, where no role is stated."""
    if wanted.decider is None or wanted.roles is not None:
        return wanted
    keys = [key for key in tx.approvers.list(tenant) if key.name == wanted.decider]
    if not keys:
        raise UsageError(f"nobody is enrolled as {wanted.decider!r}; see `placet keys list`", code="unknown_approver")
    good = [key for key in keys if key.counts(now)]
    conferred = tx.delegations.active(tenant, wanted.decider, now)
    roles = {role for key in good for role in key.roles} | {role for one in conferred for role in one.delegation.roles}
    return wanted.model_copy(update={"roles": tuple(sorted(roles))})


def _waiting(tx: Transaction, row: InboxRow, now: datetime) -> Waiting:
    record = row.record
    try:
        if other := contradiction(tx, record):
            return Waiting(record, row.waits_until, None, other)
        pending = pending_on_record(tx, record.run_id)
        proposal = tx.artifacts.get_model(pending.proposal, Proposal, tenant=record.tenant)
        approvals = approvals_in(tx.audit.of_kind(record.run_id, "approve.decided"), pending.proposal)
        asked = Asked(proposal, pending.gate, roles_at(pending.gate, now), approvals)
    except (GovernanceError, UsageError, ValueError) as error:
        return Waiting(record, row.waits_until, None, f"it cannot be read: {error}")
    listed = (row.waits_until, row.cost, row.quorum)
    if listed != (asked.gate.expires_at, proposal.cost, asked.gate.quorum):
        return Waiting(
            record, row.waits_until, asked, "the list says otherwise than the record; run `placet audit verify`"
        )
    return Waiting(record, row.waits_until, asked)
