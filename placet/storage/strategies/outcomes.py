"""What became of the members of rollouts: rows that were counted, and what is read to count them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import and_, bindparam, exists, func, insert, or_, select, update

from placet.contracts.base import first_fault
from placet.contracts.outcomes.windows import Days, InWindow, MemberOutcome
from placet.decisioning.windows.counting import ALWAYS, ASKED, KeptEvent
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.reading import unreadable
from placet.storage.tables import CUSTOMER_EVENT, CUSTOMER_STATE, EFFECT, OUTCOME, ROLLOUT, ROLLOUT_MEMBER, RUN

_MANY: Final = 400
"""Values of one statement: each database has a bound of its own."""
_MEMBER, _ROW, _EVENT, _STATE = ROLLOUT_MEMBER.c, OUTCOME.c, CUSTOMER_EVENT.c, CUSTOMER_STATE.c
_SOME: Final[Any] = bindparam("customers", expanding=True)
_OF_VERSION = (_MEMBER.tenant == bindparam("of_tenant"), _MEMBER.version == bindparam("of_version"))
_COLUMNS = (_MEMBER.customer_id, _MEMBER.enrolled_at, _MEMBER.segments, _MEMBER.nonce, _MEMBER.seal)
_PAGE = (
    select(*_COLUMNS)
    .where(*_OF_VERSION, _MEMBER.customer_id > bindparam("after"))
    .order_by(_MEMBER.customer_id)
    .limit(bindparam("limit"))
)
_DUE = (
    select(*_COLUMNS)
    .where(
        *_OF_VERSION,
        _MEMBER.customer_id > bindparam("after"),
        _MEMBER.bucket < bindparam("reached"),
        _MEMBER.enrolled_at <= bindparam("until"),
        ~exists().where(
            _ROW.tenant == bindparam("of_tenant"),
            _ROW.version == bindparam("of_version"),
            _ROW.days == bindparam("of_days"),
            _ROW.customer_id == _MEMBER.customer_id,
        ),
    )
    .order_by(_MEMBER.customer_id)
    .limit(bindparam("limit"))
)
_LOCK = (
    select(ROLLOUT.c.version)
    .where(ROLLOUT.c.tenant == bindparam("of_tenant"), ROLLOUT.c.version == bindparam("of_version"))
    .with_for_update()
)
_OF_DAYS = (
    _ROW.tenant == bindparam("of_tenant"),
    _ROW.version == bindparam("of_version"),
    _ROW.days == bindparam("of_days"),
)
_ROWS = (
    select(OUTCOME)
    .where(*_OF_DAYS, _ROW.customer_id > bindparam("after"))
    .order_by(_ROW.customer_id)
    .limit(bindparam("limit"))
)
_BATCHES = select(func.max(_ROW.batch)).where(*_OF_DAYS)
_COUNTED = select(func.count()).select_from(OUTCOME).where(*_OF_DAYS, _ROW.customer_id.in_(_SOME))
_EVENTS = (
    select(_EVENT.customer_id, _EVENT.type, _EVENT.source, _EVENT.event_id, _EVENT.happened_us, _EVENT.content)
    .where(
        _EVENT.tenant == bindparam("of_tenant"),
        _EVENT.customer_id.in_(_SOME),
        _EVENT.received_us <= bindparam("until_us"),
        or_(
            _EVENT.type.in_(ALWAYS),
            and_(
                _EVENT.type.in_(ASKED),
                _EVENT.happened_us >= bindparam("first_us"),
                _EVENT.happened_us < bindparam("end_us"),
            ),
        ),
    )
    .order_by(_EVENT.customer_id)
)
_AGED = select(_STATE.customer_id, _STATE.aged).where(
    _STATE.tenant == bindparam("of_tenant"), _STATE.customer_id.in_(_SOME)
)
_GIVEN = (
    select(RUN.c.customer_id, RUN.c.run_id, EFFECT.c.proposal, EFFECT.c.claimed_at)
    .join_from(RUN, EFFECT, EFFECT.c.run_id == RUN.c.run_id)
    .where(
        RUN.c.tenant == bindparam("of_tenant"),
        RUN.c.strategy == bindparam("of_version"),
        RUN.c.customer_id.in_(_SOME),
        RUN.c.reverses.is_(None),
        EFFECT.c.status.in_(("settled", "unknown")),
    )
)
_RUNS = (
    select(RUN.c.customer_id, RUN.c.run_id)
    .where(
        RUN.c.tenant == bindparam("of_tenant"),
        RUN.c.strategy == bindparam("of_version"),
        RUN.c.customer_id.in_(_SOME),
        RUN.c.reverses.is_(None),
    )
    .order_by(RUN.c.requested_at, RUN.c.run_id)
)
_TAKEN_BACK = (
    select(RUN.c.reverses)
    .join_from(RUN, EFFECT, EFFECT.c.run_id == RUN.c.run_id)
    .where(
        RUN.c.tenant == bindparam("of_tenant"),
        RUN.c.reverses.in_(bindparam("runs", expanding=True)),
        EFFECT.c.status == "settled",
        EFFECT.c.claimed_at <= bindparam("until"),
    )
)
_FORGET = (
    update(OUTCOME)
    .where(_ROW.tenant == bindparam("of_tenant"), _ROW.customer_id == bindparam("customer"))
    .values(
        unknown="erased",
        spend=None,
        marks=None,
        spend_before=None,
        marks_before=None,
        given=None,
        segments=None,
        nonce=None,
    )
)
_FORGET_MEMBER = (
    update(ROLLOUT_MEMBER)
    .where(_MEMBER.tenant == bindparam("of_tenant"), _MEMBER.customer_id == bindparam("customer"))
    .values(segments=None, nonce=None, seal=func.coalesce(_MEMBER.seal, "erased"))
)
_LOCK_MEMBERS = (
    select(*_COLUMNS)
    .where(*_OF_VERSION, _MEMBER.customer_id.in_(_SOME))
    .order_by(_MEMBER.customer_id)
    .with_for_update()
)


class Member(NamedTuple):
    """A member of a rollout as they were taken down.

    Attributes:
        segments: Named segments, with a space between; None where they were erased, or nobody noted it.
        nonce: None where they were erased; so is `seal` where nobody sealed it.
    """

    customer_id: str
    enrolled_at: datetime
    segments: str | None
    nonce: str | None
    seal: str | None

    @property
    def erased(self) -> bool:
        """Whether the customer was erased since."""
        return self.seal is not None and self.nonce is None


class Given(NamedTuple):
    """Something that was given, or may have been: by which run, on which proposal, when."""

    customer_id: str
    run_id: str
    proposal: str
    at: datetime


class OutcomeRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, tenant: str, version: str) -> None:
        """Let nobody else count for this version before the transaction ends."""
        self._connection.execute(_LOCK, {"of_tenant": tenant, "of_version": version})

    def members(self, tenant: str, version: str, after: str, limit: int) -> list[Member]:
        """Return members after an id, in the order of ids."""
        values = {"of_tenant": tenant, "of_version": version, "after": after, "limit": limit}
        return [Member(*row) for row in self._connection.execute(_PAGE, values)]

    def due(
        self, tenant: str, version: str, days: Days, *, reached: int, until: datetime, after: str, limit: int
    ) -> list[Member]:
        """Return members who entered by `until`, for all that their rows say, and were not counted at this horizon."""
        values = {"of_tenant": tenant, "of_version": version, "of_days": days, "reached": reached, "until": until}
        return [Member(*row) for row in self._connection.execute(_DUE, {**values, "after": after, "limit": limit})]

    def counted(self, tenant: str, version: str, days: Days, customers: Sequence[str]) -> int:
        """Return how many of some members were counted at a horizon."""
        values = {"of_tenant": tenant, "of_version": version, "of_days": days}
        return sum(
            int(self._connection.scalar(_COUNTED, {**values, "customers": some}) or 0) for some in _chunks(customers)
        )

    def batches(self, tenant: str, version: str, days: Days) -> int:
        """Return the number of the last batch that rows name; 0 where nobody was counted."""
        values = {"of_tenant": tenant, "of_version": version, "of_days": days}
        return int(self._connection.scalar(_BATCHES, values) or 0)

    def add(self, tenant: str, version: str, rows: Sequence[MemberOutcome]) -> None:
        """Insert outcomes."""
        self._connection.execute(insert(OUTCOME), [_written(tenant, version, row) for row in rows])

    def page(self, tenant: str, version: str, days: Days, after: str, limit: int) -> list[MemberOutcome]:
        """Return outcomes after an id, in the order of ids.

        Raises:
            StorageError: code `storage_row`; a row cannot be read.
        """
        values = {"of_tenant": tenant, "of_version": version, "of_days": days, "after": after, "limit": limit}
        return [_read(row) for row in self._connection.execute(_ROWS, values).mappings()]

    def events(
        self, tenant: str, customers: Sequence[str], *, first_us: int, end_us: int, until_us: int
    ) -> Iterator[tuple[str, KeptEvent]]:
        """Yield events of some customers that arrived by `until_us`: of the window, and those that are always asked."""
        values = {"of_tenant": tenant, "first_us": first_us, "end_us": end_us, "until_us": until_us}
        for some in _chunks(customers):
            for customer_id, *event in self._connection.execute(_EVENTS, {**values, "customers": some}):
                yield customer_id, KeptEvent(*event)

    def aged(self, tenant: str, customers: Sequence[str]) -> dict[str, str | None]:
        """Return what retention left of some customers' older events; who has no state is left out."""
        found: dict[str, str | None] = {}
        for some in _chunks(customers):
            found.update(dict(self._connection.execute(_AGED, {"of_tenant": tenant, "customers": some}).all()))
        return found

    def given(self, tenant: str, version: str, customers: Sequence[str], until: datetime) -> list[Given]:
        """Return what a version gave to some customers, by the ledger, without what was taken back by `until`."""
        found: list[Given] = []
        for some in _chunks(customers):
            values = {"of_tenant": tenant, "of_version": version, "customers": some}
            found += (Given(*row) for row in self._connection.execute(_GIVEN, values))
        back = set[str]()
        for runs in _chunks([one.run_id for one in found]):
            back.update(self._connection.scalars(_TAKEN_BACK, {"of_tenant": tenant, "runs": runs, "until": until}))
        return [one for one in found if one.run_id not in back]

    def runs_of(self, tenant: str, version: str, customers: Sequence[str]) -> dict[str, list[str]]:
        """Return the runs of a version for each of some customers, the first first; who has none is left out."""
        found: dict[str, list[str]] = {}
        for some in _chunks(customers):
            values = {"of_tenant": tenant, "of_version": version, "customers": some}
            for customer, run in self._connection.execute(_RUNS, values):
                found.setdefault(customer, []).append(run)
        return found

    def lock_members(self, tenant: str, version: str, customers: Sequence[str]) -> list[Member]:
        """Return some members, by id, whom nobody erases before the transaction ends."""
        values = {"of_tenant": tenant, "of_version": version}
        return [
            Member(*row)
            for some in _chunks(sorted(customers))
            for row in self._connection.execute(_LOCK_MEMBERS, {**values, "customers": some})
        ]

    def forget(self, tenant: str, customer_id: str) -> int:
        """Take away what was counted of a customer; that somebody was counted, and the seal, stay.

        Members first: whoever counts holds them, and what they have added by then is seen. Returns of how many rows.
        """
        values = {"of_tenant": tenant, "customer": customer_id}
        members = self._connection.execute(_FORGET_MEMBER, values).rowcount
        return members + self._connection.execute(_FORGET, values).rowcount


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    return (list(values[at : at + _MANY]) for at in range(0, len(values), _MANY))


def _written(tenant: str, version: str, row: MemberOutcome) -> dict[str, object]:
    after, before = row.after, row.before
    return {
        "tenant": tenant,
        "version": version,
        **row.model_dump(exclude={"after", "before", "segments"}),
        "segments": None if row.segments is None else " ".join(row.segments),
        "spend": None if after is None else after.spend,
        "marks": None if after is None else after.marks,
        "spend_before": None if before is None else before.spend,
        "marks_before": None if before is None else before.marks,
    }


def _read(row: Row) -> MemberOutcome:
    values: Mapping[str, Any] = {name: row[name] for name in MemberOutcome.model_fields if name in row}
    try:
        return MemberOutcome(
            **{
                **values,
                "after": _window(row["spend"], row["marks"]),
                "before": _window(row["spend_before"], row["marks_before"]),
                "segments": None if row["segments"] is None else tuple(str(row["segments"]).split()),
            }
        )
    except (ValidationError, TypeError) as error:
        said = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise unreadable(OUTCOME.name, row["customer_id"], said) from error


def _window(spend: object, marks: object) -> InWindow | None:
    return None if spend is None and marks is None else InWindow.model_validate({"spend": spend, "marks": marks})
