"""Rollouts under way, and who takes part in them: a projection, and what its steps have done. See the tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, ValidationError
from sqlalchemy import bindparam, func, insert, select, update

from placet.contracts.base import Frozen
from placet.contracts.strategies.rolling import Phase, RolloutAsked
from placet.errors import GovernanceError
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import ROLLOUT, ROLLOUT_MEMBER, RUN

_THIS = (ROLLOUT.c.tenant == bindparam("of_tenant"), ROLLOUT.c.version == bindparam("of_version"))
_MEMBER = ROLLOUT_MEMBER.c
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
_LEFT = select(func.count()).select_from(ROLLOUT_MEMBER).where(*_WAITING)
_RANGE = select(_MEMBER.customer_id, _MEMBER.control, _MEMBER.bucket).where(
    *_OF_IT, _MEMBER.customer_id >= bindparam("first"), _MEMBER.customer_id <= bindparam("last")
)
_WITHOUT_EFFECT = ("no_action", "denied")
"""Ends of a run that never reached the customer, and that a hold can be the reason of."""
_ALL = 10_000
_OPEN = ("analysing", "querying", "proposing", "executing")


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


class MemberRow(Frozen):
    """Who takes part in a rollout; see the table."""

    customer_id: str
    control: bool
    bucket: int
    segments: str | None = None
    nonce: str | None = None
    seal: str | None = None


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
        query = select(ROLLOUT).where(*_THIS)
        found = self._connection.execute(query, {"of_tenant": tenant, "of_version": version}).mappings().one_or_none()
        return None if found is None else _row(found)

    def list(self, tenant: str, limit: int = 100, after: str | None = None) -> tuple[RolloutRow, ...]:
        """Return the rollouts of a tenant, the newest first; those that follow the version `after`.

        Raises:
            GovernanceError: code `rollout_altered`; a row cannot be read.
        """
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
        return tuple(_row(row) for row in self._connection.execute(query).mappings())

    def put(self, tenant: str, version: str, **values: Any) -> None:
        """Write some columns of a rollout's row."""
        self._connection.execute(
            update(ROLLOUT).where(ROLLOUT.c.tenant == tenant, ROLLOUT.c.version == version).values(**values)
        )

    def enrol(self, tenant: str, version: str, members: Sequence[MemberRow], at: datetime) -> int:
        """Take members down; who is there already stays as they were. Returns how many are new."""
        if not members:
            return 0
        first, last = min(one.customer_id for one in members), max(one.customer_id for one in members)
        known = {one.customer_id for one in self.between(tenant, version, first, last)}
        new = [
            {
                "tenant": tenant,
                "version": version,
                "customer_id": one.customer_id,
                "control": int(one.control),
                "bucket": one.bucket,
                "enrolled_at": at,
                "segments": one.segments,
                "nonce": one.nonce,
                "seal": one.seal,
            }
            for one in members
            if one.customer_id not in known
        ]
        if new:
            self._connection.execute(insert(ROLLOUT_MEMBER), new)
        return len(new)

    def between(self, tenant: str, version: str, first: str, last: str) -> tuple[MemberRow, ...]:
        """Return the members whose ids are in a range, both ends in it."""
        values = {"of_tenant": tenant, "of_version": version, "first": first, "last": last}
        return tuple(
            MemberRow(customer_id=customer, control=bool(control), bucket=bucket)
            for customer, control, bucket in self._connection.execute(_RANGE, values)
        )

    def waiting(self, tenant: str, version: str, reached: int, limit: int) -> tuple[str, ...]:
        """Return members that a stage reaches and for whom no run was started: those of earlier stages first."""
        values = {"of_tenant": tenant, "of_version": version, "reached": reached, "limit": limit}
        return tuple(self._connection.scalars(_NEXT, values))

    def left(self, tenant: str, version: str, reached: int) -> int:
        """Return for how many members of a stage no run was started."""
        values = {"of_tenant": tenant, "of_version": version, "reached": reached}
        return int(self._connection.scalar(_LEFT, values) or 0)

    def note_run(self, tenant: str, version: str, customer_id: str, run_id: str) -> None:
        """Note the run that was started for a member."""
        self._connection.execute(
            update(ROLLOUT_MEMBER)
            .where(_MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.customer_id == customer_id)
            .values(run_id=run_id)
        )

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
        """Return how many runs of a version a worker has still to carry on; who waits for a person is none."""
        query = select(func.count()).where(RUN.c.tenant == tenant, RUN.c.strategy == version, RUN.c.state.in_(_OPEN))
        return int(self._connection.scalar(query) or 0)

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
