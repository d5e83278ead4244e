"""Runs as people list and watch them: a projection, the workflow is the truth."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import Select, Update, and_, bindparam, func, or_, select, update

from placet.contracts.receipt import Receipt
from placet.contracts.run import END_STATES, OPEN_STATES, RUN_STATES, RunRequest, RunState, states_before
from placet.errors import UsageError
from placet.storage.records import Asked, ProposedRun, RunRecord
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as, read_receipt
from placet.storage.tables import RUN

_REVERSAL = RUN.alias("reversal")
# Of the indices only the one over `reverses` is of use: a condition on the tenant would offer all its runs.
_REVERSED_BY = (
    select(func.min(_REVERSAL.c.run_id))
    .where(
        _REVERSAL.c.reverses == RUN.c.run_id,
        _REVERSAL.c.tenant.concat("") == RUN.c.tenant,
        _REVERSAL.c.state == "executed",
    )
    .correlate(RUN)
    .scalar_subquery()
    .label("reversed_by")
)
_SHOWN = select(RUN, _REVERSED_BY)
_GET = _SHOWN.where(RUN.c.run_id == bindparam("id"))
_SAME = select(RUN).where(
    or_(
        RUN.c.run_id == bindparam("id"),
        and_(RUN.c.tenant == bindparam("of_tenant"), RUN.c.key == bindparam("with_key")),
    )
)
_UNENDED = update(RUN).where(RUN.c.run_id == bindparam("id"), RUN.c.state.not_in(sorted(END_STATES)))
_MOVE: dict[RunState, Update] = {
    state: update(RUN).where(RUN.c.run_id == bindparam("id"), RUN.c.state.in_(states_before(state)))
    for state in RUN_STATES
}
_ORIGINAL = RUN.alias("original")
_REVERSALS = (
    _SHOWN.join(_ORIGINAL, and_(_ORIGINAL.c.run_id == RUN.c.reverses, _ORIGINAL.c.tenant == RUN.c.tenant))
    .where(RUN.c.reverses == bindparam("id"))
    .order_by(RUN.c.requested_at, RUN.c.run_id)
)
_ANSWERED = select(RUN.c.answered_at).where(RUN.c.run_id == bindparam("id"))
_CUSTOMERS = (
    select(RUN.c.customer_id, func.count(), func.max(RUN.c.requested_at))
    .where(RUN.c.tenant == bindparam("of_tenant"))
    .group_by(RUN.c.customer_id)
    .order_by(RUN.c.customer_id)
    .limit(bindparam("limit"))
)
_LOCK = update(RUN).where(RUN.c.run_id == bindparam("id")).values(updated_at=RUN.c.updated_at)
_ORDER = PageOrder(RUN.c.tenant, (RUN.c.requested_at, RUN.c.run_id), descending=True)
_DERIVED = frozenset({"cost", "reversed_by"})
"""What of a record no column of its row holds."""

_IDENTITY = ("run_id", "tenant", "customer_id", "agent", "key", "reverses", "strategy", "channel", "step")


class Found(TypedDict, total=False):
    """What runs are looked for by, besides what they are listed by; what is left out does not matter.

    Attributes:
        agent: Which application's.
        key: Under which key it was asked for.
        begins: How their ids begin.
        since: Requested then or later.
        until: Requested before then.
    """

    agent: str | None
    key: str | None
    begins: str | None
    since: datetime | None
    until: datetime | None


class RunRepository:
    """Requests and states of runs. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, request: RunRequest) -> bool:
        """Record a request; True when it is new, False when the same one is already there.

        Raises:
            UsageError: code `run_key_conflict`; its key or run id already stands for a different request.
        """
        values: dict[str, object] = {
            **dict(request),
            "updated_at": request.requested_at,
            "state": "analysing",
            "detail": "",
        }
        if insert_if_absent(self._connection, RUN, values):
            return True
        same = {"id": request.run_id, "of_tenant": request.tenant, "with_key": request.key}
        for row in self._connection.execute(_SAME, same).mappings():
            for field in _IDENTITY:
                if row[field] != getattr(request, field):
                    raise UsageError(
                        f"run key {request.key!r} already stands for {field} {row[field]!r} "
                        f"(run {row['run_id']}), not {getattr(request, field)!r}; choose another key",
                        code="run_key_conflict",
                    )
        return False

    def set_state(
        self,
        run_id: str,
        state: RunState,
        *,
        at: datetime,
        code: str | None = None,
        detail: str = "",
        assessment: str | None = None,
        evidence: str | None = None,
        proposal: str | None = None,
        decision: str | None = None,
        receipt: Receipt | None = None,
        asked: Asked | None = None,
        answered: bool = False,
    ) -> bool:
        """Move a run forward to `state` and add the digests that are given; those left out stay.

        `asked` is what people are asked from now on; `answered` says that nobody is missing any more.

        Returns:
            Whether the run now stands in `state`; False when it was further on before (`states_before`), and stays so.

        Raises:
            UsageError: code `unknown_run`.
        """
        digests = {"assessment": assessment, "evidence": evidence, "proposal": proposal, "decision": decision}
        values: dict[str, object] = {name: value for name, value in digests.items() if value is not None}
        if receipt is not None:
            values["receipt"] = receipt.model_dump_json()
        if asked is not None:
            values.update(_asked(asked))
        values.update(state=state, code=code, detail=detail, updated_at=at, answered_at=at if answered else None)
        if self._connection.execute(_MOVE[state], {"id": run_id, **values}).rowcount == 1:
            return True
        record = self.get(run_id)
        if record is None:
            raise UsageError(f"run {run_id!r} does not exist", code="unknown_run")
        return record.state == state

    def lock(self, run_id: str) -> None:
        """Let nobody else lock this run before the transaction ends; on SQLite there is one writer anyway."""
        self._connection.execute(_LOCK, {"id": run_id})

    def note_asked(self, run_id: str, asked: Asked) -> None:
        """Note what a gate asked that nobody has to pass: its run may have to be settled by a person."""
        self._connection.execute(_UNENDED, {"id": run_id, **_asked(asked)})

    def reopen(self, run_id: str) -> None:
        """Note that people are missing again: an approval that had sufficed no longer counts."""
        self._connection.execute(_UNENDED, {"id": run_id, "answered_at": None})

    def set_detail(self, run_id: str, detail: str, *, at: datetime) -> None:
        """Note what a run is waiting for; its state stays, and a run that ended or is not there stays as it is."""
        self._connection.execute(_UNENDED, {"id": run_id, "detail": detail, "updated_at": at})

    def get(self, run_id: str) -> RunRecord | None:
        """Return the run; None if there is none of that id."""
        row = self._connection.execute(_GET, {"id": run_id}).mappings().one_or_none()
        return None if row is None else run_record(row)

    def answered_at(self, run_id: str) -> datetime | None:
        """Return since when nobody is missing before a run that waits for people; None while somebody is."""
        answered: datetime | None = self._connection.scalar(_ANSWERED, {"id": run_id})
        return answered

    def reversals_of(self, run_id: str) -> tuple[RunRecord, ...]:
        """Return the runs that were asked to reverse this one, oldest first, however they ended."""
        return tuple(run_record(row) for row in self._connection.execute(_REVERSALS, {"id": run_id}).mappings())

    def unmoved(
        self,
        tenants: Collection[str],
        *,
        before: datetime,
        states: Collection[str] = OPEN_STATES,
        after: str = "",
        limit: int = 100,
    ) -> tuple[RunRecord, ...]:
        """Return runs in `states` that did not move since `before`, by run id; `after` ended the previous page."""
        query = (
            select(RUN)
            .where(RUN.c.tenant.in_(sorted(tenants)), RUN.c.state.in_(sorted(states)))
            .where(RUN.c.updated_at < before, RUN.c.run_id > after)
            .order_by(RUN.c.run_id)
            .limit(limit)
        )
        return tuple(run_record(row) for row in self._connection.execute(query).mappings())

    def moved(self, tenants: Collection[str], *, since: datetime) -> int:
        """Return how many runs are not over and moved at `since` or later."""
        query = (
            select(func.count())
            .select_from(RUN)
            .where(RUN.c.tenant.in_(sorted(tenants)), RUN.c.state.in_(sorted(OPEN_STATES)), RUN.c.updated_at >= since)
        )
        return self._connection.scalar(query) or 0

    def list(
        self,
        tenant: str,
        state: RunState | None = None,
        customer_id: str | None = None,
        requested_by: str | None = None,
        limit: int = 50,
        after: str | None = None,
        **more: Unpack[Found],
    ) -> tuple[RunRecord, ...]:
        """List runs of `tenant`, newest request first; `after` ended the previous page.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = matching(tenant, state=state, customer_id=customer_id, requested_by=requested_by, **more)
        return _ORDER.read(self._connection, query, tenant, run_record, after=after, limit=limit)

    def reversals(self, tenant: str, *, after: str | None = None, limit: int = 50) -> tuple[RunRecord, ...]:
        """List runs that take back another one, newest request first; `after` ended the previous page.

        What it reads grows with the number of reversals, not with that of runs.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        return _ORDER.read(self._connection, reversing(tenant), tenant, run_record, after=after, limit=limit)

    def proposed(
        self, tenant: str, customer_id: str, *, after: str | None = None, limit: int = 50
    ) -> tuple[ProposedRun, ...]:
        """List runs about a customer with what each proposed, newest first; `after` ended the previous page.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = matching(tenant, customer_id=customer_id)
        return _ORDER.read(self._connection, query, tenant, _proposed, after=after, limit=limit)

    def customers(
        self, tenant: str, *, after: str = "", limit: int = 50, only: str | None = None
    ) -> tuple[tuple[str, int, datetime], ...]:
        """Return about whom runs were asked for, by id: how many, and when the last one was.

        Args:
            tenant: Whose customers.
            after: The customer that ended the previous page.
            limit: How many at most.
            only: This one alone.
        """
        query = _CUSTOMERS.where(RUN.c.customer_id == only if only is not None else RUN.c.customer_id > after)
        rows = self._connection.execute(query, {"of_tenant": tenant, "limit": limit})
        return tuple((customer_id, runs, last) for customer_id, runs, last in rows)


def reversing(tenant: str) -> Select[Any]:
    """Return the query for runs of `tenant` that take back another one, without an order."""
    # Of the indices only the one over `reverses` is of use: a condition on the tenant would offer all its runs.
    return _SHOWN.where(RUN.c.reverses > "", RUN.c.tenant.concat("") == tenant)


def matching(
    tenant: str, *, begins: str | None = None, since: datetime | None = None, until: datetime | None = None, **is_: Any
) -> Select[Any]:
    """Return the query for runs of `tenant` that are as said, without an order.

    An index answers each of these alone; of several, one is answered by its index, the others by looking at what it
    found. `is_` names columns and what they hold; None does not matter.
    """
    query = _SHOWN
    # What begins an id finds few, over the primary key; no database may begin with all that the tenant has.
    query = query.where(RUN.c.tenant == tenant if begins is None else RUN.c.tenant.concat("") == tenant)
    for name, value in is_.items():
        if value is not None:
            query = query.where(RUN.c[name] == value)
    if begins is not None:
        # Ids are hexadecimal digits: what begins so comes before the same with a later letter behind it.
        query = query.where(RUN.c.run_id >= begins, RUN.c.run_id < f"{begins}g")
    if since is not None:
        query = query.where(RUN.c.requested_at >= since)
    if until is not None:
        query = query.where(RUN.c.requested_at < until)
    return query


def _asked(asked: Asked) -> dict[str, object]:
    return {
        "waits_until": asked.waits_until,
        "quorum": asked.quorum,
        "asked_roles": f"|{'|'.join(asked.roles)}|",
        "escalate_to": asked.escalate_to,
        "escalate_at": asked.escalate_at,
        "treatment": asked.treatment,
        "mutation_kind": asked.mutation_kind,
        "cost_minor": asked.cost.amount_minor,
        "cost_currency": asked.cost.currency,
    }


def _proposed(row: Row) -> ProposedRun:
    run = run_record(row)
    return ProposedRun(run=run, treatment=run.treatment, mutation_kind=row["mutation_kind"], cost=run.cost)


def run_record(row: Row) -> RunRecord:
    """Return the run that a row holds."""
    fields = {name: row[name] for name in RunRecord.model_fields if name not in _DERIVED}
    fields["receipt"] = read_receipt(RUN.name, row["run_id"], row["receipt"])
    minor, currency = row["cost_minor"], row["cost_currency"]
    if minor is not None and currency is not None:
        fields["cost"] = {"amount_minor": minor, "currency": currency}
    fields["reversed_by"] = row.get("reversed_by")
    return read_as(RunRecord, RUN.name, row["run_id"], fields)
