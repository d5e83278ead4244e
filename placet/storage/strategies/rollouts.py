"""Rollouts under way, and who takes part in them: a projection, and what its steps have done. See the tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import AwareDatetime, ValidationError
from sqlalchemy import bindparam, delete, exists, func, insert, select, text, update

from placet.contracts.base import Frozen
from placet.contracts.strategies.rolling import Phase, RolloutAsked
from placet.errors import GovernanceError
from placet.governance.membership import Membership
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import ROLLOUT, ROLLOUT_MEMBER, RUN

_THIS = (ROLLOUT.c.tenant == bindparam("of_tenant"), ROLLOUT.c.version == bindparam("of_version"))
_MEMBER = ROLLOUT_MEMBER.c
_CUSTOMER = ROLLOUT_MEMBER.c.customer_id
_PAGE: Final = 5_000
"""Members that are read at a time."""
_SOME: Final = 20
_OF_IT = (_MEMBER.tenant == bindparam("of_tenant"), _MEMBER.version == bindparam("of_version"))
_WAITING = (
    *_OF_IT,
    _MEMBER.run_id.is_(None),
    _MEMBER.control == 0,
    _MEMBER.passed_over.is_(None),
    _MEMBER.bucket < bindparam("reached"),
)
_NEXT = (
    select(_MEMBER.customer_id).where(*_WAITING).order_by(_MEMBER.bucket, _MEMBER.customer_id).limit(bindparam("limit"))
)
# No more than these are counted at each step of a stage, however many it has.
_LEFT = select(func.count()).select_from(
    select(_MEMBER.customer_id).where(*_WAITING).limit(bindparam("most")).subquery()
)
_RANGE = select(_MEMBER.customer_id, _MEMBER.control, _MEMBER.bucket, _MEMBER.drawing).where(
    *_OF_IT, _MEMBER.customer_id >= bindparam("first"), _MEMBER.customer_id <= bindparam("last")
)
_PUT = update(ROLLOUT).where(*_THIS)
_WITHOUT_EFFECT = ("no_action", "denied")
"""Ends of a run that never reached the customer, and that a hold can be the reason of."""
_ALL = 10_000
# Written out, as the index of these has it.
_OPEN = text("run.strategy IS NOT NULL AND run.state IN ('analysing', 'querying', 'proposing', 'executing')")
_OPEN_OF_IT = (RUN.c.tenant == bindparam("of_tenant"), RUN.c.strategy == bindparam("of_version"), _OPEN)
_NOTED = (
    (_MEMBER.tenant == RUN.c.tenant)
    & (_MEMBER.version == RUN.c.strategy)
    & (_MEMBER.customer_id == RUN.c.customer_id)
    & (_MEMBER.run_id == RUN.c.run_id)
)
_UNDER_WAY = select(func.count()).select_from(RUN.join(ROLLOUT_MEMBER, _NOTED)).where(*_OPEN_OF_IT)
_OPEN_FROM_BEFORE = select(RUN.c.run_id).where(*_OPEN_OF_IT, RUN.c.requested_at < bindparam("before")).limit(1)
_WAITS = text("run.state = 'awaiting_decision' AND run.state IN ('awaiting_decision', 'unknown_outcome')")
_PAGE_OF_IT = (
    select(_MEMBER.customer_id, _MEMBER.control, _MEMBER.bucket, _MEMBER.drawing)
    .where(*_OF_IT, _MEMBER.customer_id > bindparam("after"))
    .order_by(_MEMBER.customer_id)
    .limit(bindparam("limit"))
)
_BY_VERSION = select(ROLLOUT).where(*_THIS)
_NOTE_RUN = (
    update(ROLLOUT_MEMBER)
    .where(*_OF_IT, _MEMBER.customer_id == bindparam("of_customer"))
    .values(run_id=bindparam("noted_run"), started_at=bindparam("noted_at"))
)
_WRITTEN = select(ROLLOUT.c.moves, ROLLOUT.c.holds, ROLLOUT.c.ended).where(*_THIS)


class RolloutRow(Frozen):
    """Where a rollout stands; see the table."""

    asked: RolloutAsked
    started_at: AwareDatetime
    phase: Phase
    detail: str
    stage: int
    enrolled: int
    reached_at: AwareDatetime | None
    looked_at: AwareDatetime | None
    looks: int
    next_at: AwareDatetime | None
    reopened: int = 0

    @property
    def version(self) -> str:
        """Digest of the strategy."""
        return self.asked.version


class AlteredRollout(Frozen):
    """A row that cannot be read. It hides no other."""

    version: str
    fault: str


class Written(NamedTuple):
    """How many entries of a kind its steps and people have written, by its row."""

    moves: int
    holds: int
    ended: int


class MemberRow(Frozen):
    """Who takes part in a rollout; see the table."""

    customer_id: str
    control: bool
    bucket: int
    segments: str | None = None
    nonce: str | None = None
    seal: str | None = None
    drawing: int | None = None


class RolloutCounts(Frozen):
    """How many take part.

    Attributes:
        treated: Those outside the control group whom the stage reaches.
        started: Those of them for whom a run was started.
    """

    members: int
    control: int
    treated: int
    started: int


class RolloutRepository:
    """Rollouts and their members. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, asked: RolloutAsked, *, coming: bool = False) -> bool:
        """Add a rollout that begins; False when its version has one. `coming`: customers come in as things happen."""
        values: dict[str, object] = {
            "tenant": asked.tenant,
            "version": asked.version,
            "asked": asked.model_dump_json(),
            "started_at": asked.requested_at,
            "phase": "reaching",
            "detail": "it begins",
            "stage": 0,
            "enrolled": 0,
            "looks": 0,
            "coming": int(coming),
        }
        return insert_if_absent(self._connection, ROLLOUT, values)

    def get(self, tenant: str, version: str) -> RolloutRow | None:
        """Return the rollout of a version; None where there is none.

        Raises:
            GovernanceError: code `rollout_altered`; its row cannot be read.
        """
        of = {"of_tenant": tenant, "of_version": version}
        found = self._connection.execute(_BY_VERSION, of).mappings().one_or_none()
        return None if found is None else _row(found)

    def written(self, tenant: str, version: str) -> Written | None:
        """Return how many moves, holds and ends were written of a rollout; None where it has no row."""
        found = self._connection.execute(_WRITTEN, {"of_tenant": tenant, "of_version": version}).one_or_none()
        return None if found is None else Written(*(int(one) for one in found))

    def list(self, tenant: str, limit: int = 100, after: str | None = None) -> tuple[RolloutRow | AlteredRollout, ...]:
        """Return the rollouts of a tenant, the newest first; those that follow the version `after`."""
        query = (
            select(ROLLOUT)
            .where(ROLLOUT.c.tenant == tenant)
            .order_by(ROLLOUT.c.started_at.desc(), ROLLOUT.c.version)
            .limit(limit)
        )
        if after is not None:
            last = ROLLOUT.alias()
            from_it = select(last.c.started_at).where(last.c.tenant == tenant, last.c.version == after)
            began = from_it.scalar_subquery()
            earlier = ROLLOUT.c.started_at < began
            query = query.where(earlier | ((ROLLOUT.c.started_at == began) & (ROLLOUT.c.version > after)))
        return tuple(_listed(row) for row in self._connection.execute(query).mappings())

    def put(self, tenant: str, version: str, **values: Any) -> None:
        """Write some columns of a rollout's row."""
        self._connection.execute(_PUT, {"of_tenant": tenant, "of_version": version, **values})

    def forget(self, tenant: str, version: str, drawing: int) -> None:
        """Take away whom a drawing took down before it died: no entry covers them, and nobody has a run."""
        self._connection.execute(
            delete(ROLLOUT_MEMBER).where(
                _MEMBER.tenant == tenant,
                _MEMBER.version == version,
                _MEMBER.drawing.is_(None) | (_MEMBER.drawing >= drawing),
            )
        )

    def enrol(self, tenant: str, version: str, members: Sequence[MemberRow], at: datetime) -> Sequence[MemberRow]:
        """Take members down; who is there already stays as they were. Returns who is new."""
        if not members:
            return ()
        first, last = min(one.customer_id for one in members), max(one.customer_id for one in members)
        known = {one.customer_id for one in self.between(tenant, version, first, last)}
        new = [one for one in members if one.customer_id not in known]
        if new:
            rows = [{"tenant": tenant, "version": version, "enrolled_at": at, **dict(one)} for one in new]
            self._connection.execute(insert(ROLLOUT_MEMBER), [{**row, "control": int(row["control"])} for row in rows])
        return new

    def between(self, tenant: str, version: str, first: str, last: str) -> tuple[MemberRow, ...]:
        """Return the members whose ids are in a range, both ends in it."""
        values = {"of_tenant": tenant, "of_version": version, "first": first, "last": last}
        return tuple(
            MemberRow(customer_id=customer, control=bool(control), bucket=bucket, drawing=drawing)
            for customer, control, bucket, drawing in self._connection.execute(_RANGE, values)
        )

    def members(self, tenant: str, version: str, after: str, limit: int) -> tuple[MemberRow, ...]:
        """Return the members after an id, in the order of ids."""
        values = {"of_tenant": tenant, "of_version": version, "after": after, "limit": limit}
        return tuple(
            MemberRow(customer_id=customer, control=bool(control), bucket=bucket, drawing=drawing)
            for customer, control, bucket, drawing in self._connection.execute(_PAGE_OF_IT, values)
        )

    def waiting(self, tenant: str, version: str, reached: int, limit: int) -> tuple[str, ...]:
        """Return members that a stage reaches and for whom no run was started: those of earlier stages first."""
        values = {"of_tenant": tenant, "of_version": version, "reached": reached, "limit": limit}
        return tuple(self._connection.scalars(_NEXT, values))

    def taken_down(self, tenant: str, version: str) -> dict[int, Membership]:
        """Return the members that there are, by the drawing that their rows name; 0: those of none."""
        found, after = dict[int, Membership](), ""
        while True:
            page = self.members(tenant, version, after, _PAGE)
            for one in page:
                found.setdefault(one.drawing or 0, Membership()).add(one.customer_id, one.bucket, control=one.control)
            if len(page) < _PAGE:
                return found
            after = page[-1].customer_id

    def noted_journeys(self, tenant: str, version: str) -> tuple[tuple[str, str], ...]:
        """Return the members whose row names a journey, and its id; those of strategies of several steps do."""
        query = select(_CUSTOMER, _MEMBER.run_id).where(
            _MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.run_id.like("journey-%")
        )
        return tuple((customer, journey) for customer, journey in self._connection.execute(query))

    def noted_wrongly(self, tenant: str, version: str) -> tuple[str, ...]:
        """Return some members whose row names a run that is not of this version about them. Journeys are no runs."""
        theirs = RUN.c.run_id == _MEMBER.run_id
        known = exists().where(
            theirs, RUN.c.tenant == tenant, RUN.c.strategy == version, RUN.c.customer_id == _CUSTOMER
        )
        query = select(_CUSTOMER).where(
            _MEMBER.tenant == tenant,
            _MEMBER.version == version,
            _MEMBER.run_id.is_not(None),
            ~_MEMBER.run_id.like("journey-%"),
            ~known,
        )
        return tuple(self._connection.scalars(query.order_by(_CUSTOMER).limit(_SOME)))

    def astray(self, tenant: str) -> tuple[str, ...]:
        """Return versions that have members and no rollout."""
        known = exists().where(ROLLOUT.c.tenant == tenant, ROLLOUT.c.version == _MEMBER.version)
        query = select(_MEMBER.version).distinct().where(_MEMBER.tenant == tenant, ~known)
        return tuple(self._connection.scalars(query.order_by(_MEMBER.version).limit(_SOME)))

    def left(self, tenant: str, version: str, reached: int, most: int) -> int:
        """Return for how many members of a stage no run was started; not counted further than `most`."""
        values = {"of_tenant": tenant, "of_version": version, "reached": reached, "most": most}
        return int(self._connection.scalar(_LEFT, values) or 0)

    def note_run(self, tenant: str, version: str, customer_id: str, run_id: str, at: datetime) -> None:
        """Note the run that was started for a member, and when."""
        of = {"of_tenant": tenant, "of_version": version, "of_customer": customer_id}
        self._connection.execute(_NOTE_RUN, {**of, "noted_run": run_id, "noted_at": at})

    def open_from(self, tenant: str, version: str, before: datetime) -> bool:
        """Return whether a worker still carries on a run of a version that was requested before a time."""
        values = {"of_tenant": tenant, "of_version": version, "before": before}
        return self._connection.scalar(_OPEN_FROM_BEFORE, values) is not None

    def stopped(self, tenant: str, version: str, held_at: datetime, resumed_at: datetime) -> int:
        """Return of how many members the run ended without anything while a rollout was held, before it went on."""
        query = select(func.count()).select_from(ROLLOUT_MEMBER).where(*_stopped(tenant, version, held_at, resumed_at))
        return int(self._connection.scalar(query) or 0)

    def reopen(self, tenant: str, version: str, held_at: datetime, resumed_at: datetime) -> None:
        """Let runs be started again for the members of `stopped`."""
        self._connection.execute(
            update(ROLLOUT_MEMBER).where(*_stopped(tenant, version, held_at, resumed_at)).values(run_id=None)
        )

    def counts(self, tenant: str, version: str, reached: int, *, coming: bool = False) -> RolloutCounts:
        """Return how many take part. `coming`: of the control group only those whose bucket is reached, too."""
        control = (_MEMBER.control == 1) & (_MEMBER.bucket < (reached if coming else _ALL))
        treated = (_MEMBER.control == 0) & (_MEMBER.bucket < reached)
        query = select(
            func.count(),
            func.count().filter(control).label("control"),
            func.count().filter(treated).label("treated"),
            func.count().filter(treated & _MEMBER.run_id.is_not(None)).label("started"),
        ).where(_MEMBER.tenant == tenant, _MEMBER.version == version)
        members, in_control, reached_by_it, started = self._connection.execute(query).one()
        return RolloutCounts(members=members, control=in_control, treated=reached_by_it, started=started)

    def control_within(self, tenant: str, version: str, reached: int) -> int:
        """Return how many of the control group have a bucket that a share reaches."""
        query = select(func.count()).where(
            _MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.control == 1, _MEMBER.bucket < reached
        )
        return int(self._connection.scalar(query) or 0)

    def under_way(self, tenant: str, version: str) -> int:
        """Return how many noted runs of a version a worker has still to carry on; who waits for a person is none.

        Those that were recorded by a step that died before it started them are not counted: they are started next.
        """
        return int(self._connection.scalar(_UNDER_WAY, {"of_tenant": tenant, "of_version": version}) or 0)

    def open_runs(self, tenant: str, version: str) -> int:
        """Return how many runs of a version a worker has still to carry on, noted of a member or not."""
        query = select(func.count()).select_from(RUN).where(*_OPEN_OF_IT)
        return int(self._connection.scalar(query, {"of_tenant": tenant, "of_version": version}) or 0)

    def versions_waiting(self, tenant: str) -> tuple[str, ...]:
        """Return the versions of which a proposal waits for people."""
        query = select(RUN.c.strategy).distinct().where(RUN.c.tenant == tenant, _WAITS, RUN.c.strategy.is_not(None))
        return tuple(self._connection.scalars(query.order_by(RUN.c.strategy)))

    def runs_waiting(self, tenant: str, version: str, limit: int) -> tuple[str, ...]:
        """Return some runs of a version whose proposal waits for people."""
        query = select(RUN.c.run_id).where(RUN.c.tenant == tenant, _WAITS, RUN.c.strategy == version)
        return tuple(self._connection.scalars(query.order_by(RUN.c.run_id).limit(limit)))

    def ends(self, tenant: str, version: str) -> dict[str, int]:
        """Return how many runs of a version there are, by state."""
        query = (
            select(RUN.c.state, func.count())
            .where(RUN.c.tenant == tenant, RUN.c.strategy == version)
            .group_by(RUN.c.state)
            .order_by(RUN.c.state)
        )
        return {state: int(many) for state, many in self._connection.execute(query)}


def _stopped(tenant: str, version: str, held_at: datetime, resumed_at: datetime) -> tuple[Any, ...]:
    ended = select(RUN.c.run_id).where(
        RUN.c.tenant == tenant,
        RUN.c.strategy == version,
        RUN.c.state.in_(_WITHOUT_EFFECT),
        RUN.c.requested_at < resumed_at,
        RUN.c.updated_at >= held_at,
    )
    return _MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.run_id.in_(ended)


def _listed(row: Row) -> RolloutRow | AlteredRollout:
    try:
        return _row(row)
    except GovernanceError as error:
        return AlteredRollout(version=str(row["version"]), fault=str(error))


def _row(row: Row) -> RolloutRow:
    try:
        asked = RolloutAsked.model_validate_json(row["asked"])
        found = RolloutRow(asked=asked, **{name: row[name] for name in RolloutRow.model_fields if name != "asked"})
    except ValidationError as error:
        raise _altered(row) from error
    if (asked.tenant, asked.version) != (row["tenant"], row["version"]):
        raise _altered(row)
    return found


def _altered(row: Row) -> GovernanceError:
    version = str(row["version"])[:16]
    return GovernanceError(f"the rollout of version {version!r} was altered in the database", code="rollout_altered")
