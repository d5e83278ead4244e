"""Who comes into a strategy as something happens to them: rows of the rollouts' tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import AwareDatetime, ValidationError
from sqlalchemy import bindparam, exists, func, or_, select, update

from placet.contracts.audit import RecordKind, coming_stream
from placet.contracts.base import Frozen
from placet.contracts.run import END_STATES
from placet.contracts.strategies.rolling import RolloutAsked
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import AUDIT, MANDATE, ROLLOUT, ROLLOUT_MEMBER, RUN

_MEMBER = ROLLOUT_MEMBER.c
_MOST_OPEN: Final = 500
"""Rollouts that are asked for each customer."""
CAME: Final[RecordKind] = "rollout.came"
_SHOWN: Final = 16
"""Of a version, in characters."""
_PUBLISHED = exists().where(
    MANDATE.c.tenant == ROLLOUT.c.tenant,
    MANDATE.c.strategy == ROLLOUT.c.version,
    MANDATE.c.revoked_at.is_(None),
    MANDATE.c.valid_until > bindparam("now"),
)
_OPEN = (
    select(ROLLOUT.c.asked)
    .where(ROLLOUT.c.tenant == bindparam("of_tenant"), ROLLOUT.c.coming == 1, ROLLOUT.c.phase != "over", _PUBLISHED)
    .order_by(ROLLOUT.c.started_at, ROLLOUT.c.version)
    .limit(_MOST_OPEN)
)
_WAITS = (_MEMBER.run_id.is_(None), _MEMBER.control == 0, _MEMBER.passed_over.is_(None))
_OTHER = ROLLOUT_MEMBER.alias("other").c
_BEGAN_MEANWHILE = _OTHER.run_id.like("journey-%") & (_OTHER.started_at >= _MEMBER.enrolled_at)
# In which others somebody waits beside one, or has begun several steps since they came into that one.
_BESIDE = select(_OTHER.version).where(
    _MEMBER.tenant == bindparam("of_tenant"),
    _MEMBER.version == bindparam("of_version"),
    _MEMBER.customer_id == bindparam("customer"),
    _OTHER.tenant == _MEMBER.tenant,
    _OTHER.customer_id == _MEMBER.customer_id,
    _OTHER.version != _MEMBER.version,
    _OTHER.control == 0,
    _OTHER.passed_over.is_(None),
    or_(_OTHER.run_id.is_(None), _BEGAN_MEANWHILE),
)
_WAITED_FOR = (
    select(_MEMBER.version)
    .distinct()
    .where(
        _MEMBER.tenant == bindparam("of_tenant"),
        _MEMBER.customer_id.in_(bindparam("customers", expanding=True)),
        *_WAITS,
    )
)
_IS_IN = select(_MEMBER.version, _MEMBER.customer_id).where(
    _MEMBER.tenant == bindparam("of_tenant"),
    _MEMBER.version.in_(bindparam("versions", expanding=True)),
    _MEMBER.customer_id.in_(bindparam("customers", expanding=True)),
)
_OF_IT = (_MEMBER.tenant == bindparam("of_tenant"), _MEMBER.version == bindparam("of_version"))
_PASS_OVER = update(ROLLOUT_MEMBER).where(*_OF_IT, _MEMBER.customer_id == bindparam("customer"), *_WAITS)
_ITS = ROLLOUT.alias("its").c
# Runs by which other strategies that take customers as they come treat a member.
_BY_OTHERS = (
    RUN.c.tenant == bindparam("of_tenant"),
    RUN.c.strategy.is_not(None),
    RUN.c.strategy.not_in(bindparam("besides", expanding=True)),
    exists().where(_ITS.tenant == RUN.c.tenant, _ITS.version == RUN.c.strategy, _ITS.coming == 1),
)
_UNDER_WAY = RUN.c.state.not_in(sorted(END_STATES))
_IN_HAND = exists().where(*_BY_OTHERS, RUN.c.customer_id == _MEMBER.customer_id, _UNDER_WAY)
_TAKEN = select(RUN.c.run_id).where(*_BY_OTHERS, RUN.c.customer_id == bindparam("customer"), _UNDER_WAY).limit(1)
_TREATED = (
    select(RUN.c.strategy, RUN.c.run_id, ROLLOUT.c.asked)
    .select_from(ROLLOUT_MEMBER)
    .join(RUN, (RUN.c.tenant == _MEMBER.tenant) & (RUN.c.customer_id == _MEMBER.customer_id))
    .join(ROLLOUT, (ROLLOUT.c.tenant == RUN.c.tenant) & (ROLLOUT.c.version == RUN.c.strategy))
    .where(
        *_OF_IT,
        _MEMBER.customer_id == bindparam("customer"),
        *_BY_OTHERS,
        RUN.c.state == "executed",
        RUN.c.updated_at >= _MEMBER.enrolled_at,
    )
    .order_by(RUN.c.updated_at, RUN.c.run_id)
    .limit(1)
)
_TURN = (*_OF_IT, *_WAITS, _MEMBER.bucket < bindparam("reached"), ~_IN_HAND)
_NEXT = (
    select(_MEMBER.customer_id).where(*_TURN).order_by(_MEMBER.bucket, _MEMBER.customer_id).limit(bindparam("limit"))
)
_LEFT = select(func.count()).select_from(select(_MEMBER.customer_id).where(*_TURN).limit(bindparam("most")).subquery())
_SINCE = select(func.count()).where(*_OF_IT, _MEMBER.started_at > bindparam("since"))
_SIGNAL = select(_MEMBER.signal_at, _MEMBER.enrolled_at).where(*_OF_IT, _MEMBER.customer_id == bindparam("customer"))
_REACHED = (
    select(_MEMBER.signal_at, _MEMBER.started_at, RUN.c.state, RUN.c.updated_at)
    .select_from(ROLLOUT_MEMBER.outerjoin(RUN, RUN.c.run_id == _MEMBER.run_id))
    .where(*_OF_IT, _MEMBER.started_at.is_not(None), _MEMBER.signal_at.is_not(None))
)
_TIMES = _REACHED.order_by(_MEMBER.started_at.desc()).limit(bindparam("limit"))
_CAME = select(
    _MEMBER.customer_id, _MEMBER.control, _MEMBER.bucket, _MEMBER.enrolled_at, _MEMBER.signal_at, _MEMBER.passed_over,
    _MEMBER.came,
).where(*_OF_IT, _MEMBER.came.in_(bindparam("numbers", expanding=True)))  # fmt: skip
_NAMED = exists().where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.seq == _MEMBER.came, AUDIT.c.kind == CAME)
_STRAYS = (
    select(_MEMBER.customer_id)
    .where(*_OF_IT, or_(_MEMBER.came.is_(None), ~_NAMED))
    .order_by(_MEMBER.customer_id)
    .limit(bindparam("limit"))
)
_OF_ONE = _REACHED.where(_MEMBER.customer_id == bindparam("customer"))


class Comer(Frozen):
    """Who comes in.

    Attributes:
        customer_id: The id by which they are drawn.
        signal_at: When what brought them in had happened.
    """

    version: str
    customer_id: str
    control: bool
    bucket: int
    signal_at: AwareDatetime


class CameRow(NamedTuple):
    """Who came in, as their row has it; see the table."""

    customer_id: str
    control: int
    bucket: int
    enrolled_at: datetime
    signal_at: datetime | None
    passed_over: str | None
    came: int


class Times(NamedTuple):
    """How fast one customer was reached.

    Attributes:
        ended_at: When their run moved last; None where it is not `executed`.
    """

    signal_at: datetime
    started_at: datetime
    ended_at: datetime | None


class Treated(NamedTuple):
    """Which strategy treated a customer, and by which run."""

    version: str
    name: str
    run_id: str


class ComingRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, tenant: str, now: datetime) -> tuple[RolloutAsked, ...]:
        """Return the rollouts that customers may come into; a row that cannot be read is none.

        Whether one may reach anybody is asked of the record: this only spares asking it of those that are over.
        """
        found = []
        for text in self._connection.scalars(_OPEN, {"of_tenant": tenant, "now": now}):
            try:
                found.append(RolloutAsked.model_validate_json(text))
            except ValidationError:
                continue  # its own steps say so
        return tuple(one for one in found if one.tenant == tenant)

    def already(self, tenant: str, versions: Sequence[str], customers: Sequence[str]) -> set[tuple[str, str]]:
        """Return who of some customers has come into which of some versions."""
        if not versions or not customers:
            return set()
        values = {"of_tenant": tenant, "versions": list(versions), "customers": list(customers)}
        return {(version, customer) for version, customer in self._connection.execute(_IS_IN, values)}

    def enter(self, tenant: str, comer: Comer, at: datetime) -> bool:
        """Take somebody down; False where they are there already, and stay as they were."""
        values: dict[str, object] = {
            "tenant": tenant,
            "version": comer.version,
            "customer_id": comer.customer_id,
            "control": int(comer.control),
            "bucket": comer.bucket,
            "enrolled_at": at,
            "signal_at": comer.signal_at,
        }
        return insert_if_absent(self._connection, ROLLOUT_MEMBER, values)

    def note_entry(self, tenant: str, version: str, customers: Sequence[str], number: int) -> None:
        """Note which entry names members who came in."""
        theirs = (_MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.customer_id.in_(customers))
        self._connection.execute(update(ROLLOUT_MEMBER).where(*theirs).values(came=number))

    def came(self, tenant: str, version: str, numbers: Sequence[int]) -> dict[int, list[CameRow]]:
        """Return the members that name some entries, by the entry's number."""
        found: dict[int, list[CameRow]] = {number: [] for number in numbers}
        values = {"of_tenant": tenant, "of_version": version, "numbers": list(numbers)}
        for row in self._connection.execute(_CAME, values):
            one = CameRow(*row)
            found[one.came].append(one)
        return found

    def strays(self, tenant: str, version: str, limit: int) -> tuple[str, ...]:
        """Return some members of a version of whom no entry says that they came in."""
        values = {"of_tenant": tenant, "of_version": version, "stream": coming_stream(tenant, version), "limit": limit}
        return tuple(self._connection.scalars(_STRAYS, values))

    def beside(self, tenant: str, version: str, customer_id: str) -> set[str]:
        """Return the other versions in which a member waits, or has begun several steps since they came into this."""
        values = {"of_tenant": tenant, "of_version": version, "customer": customer_id}
        return set(self._connection.scalars(_BESIDE, values))

    def next(self, tenant: str, version: str, reached: int, limit: int, besides: Sequence[str]) -> tuple[str, ...]:
        """Return members who wait for a run and of whom no other strategy has one in hand, those of low buckets first.

        `besides`: versions whose runs do not count, this one among them.
        """
        values = {"of_tenant": tenant, "of_version": version, "reached": reached, "limit": limit}
        return tuple(self._connection.scalars(_NEXT, {**values, "besides": list(besides)}))

    def left(self, tenant: str, version: str, reached: int, most: int, besides: Sequence[str]) -> int:
        """Return how many there are of `next`, not counted further than `most`."""
        values = {"of_tenant": tenant, "of_version": version, "reached": reached, "most": most}
        return int(self._connection.scalar(_LEFT, {**values, "besides": list(besides)}) or 0)

    def in_hand(self, tenant: str, customer_id: str, besides: Sequence[str]) -> bool:
        """Return whether a run of another strategy that takes customers as they come is under way for a customer."""
        values = {"of_tenant": tenant, "customer": customer_id, "besides": list(besides)}
        return self._connection.scalar(_TAKEN, values) is not None

    def treated_by(self, tenant: str, version: str, customer_id: str, besides: Sequence[str]) -> Treated | None:
        """Return which other strategy's run took effect for a member since they came into a version; None: none."""
        values = {"of_tenant": tenant, "of_version": version, "customer": customer_id, "besides": list(besides)}
        found = list(self._connection.execute(_TREATED, values))
        if not found:
            return None
        by, run_id, asked = found[0]
        try:
            name = RolloutAsked.model_validate_json(asked).strategy
        except ValidationError:
            name = str(by)[:_SHOWN]  # its own steps say that the row cannot be read
        return Treated(by, name, run_id)

    def waited_for(self, tenant: str, customers: Sequence[str]) -> set[str]:
        """Return the versions in which some of these customers wait for a run."""
        values = {"of_tenant": tenant, "customers": list(customers)}
        return set(self._connection.scalars(_WAITED_FOR, values)) if customers else set()

    def signal(self, tenant: str, version: str, customer_id: str) -> tuple[datetime | None, datetime] | None:
        """Return when what brought a member in had happened, and when they were taken down; None of nobody."""
        values = {"of_tenant": tenant, "of_version": version, "customer": customer_id}
        found = list(self._connection.execute(_SIGNAL, values))
        return (found[0][0], found[0][1]) if found else None

    def pass_over(self, tenant: str, version: str, customer_id: str, by: str) -> None:
        """Note that another version was worth more for a member, or treated them, so that this one starts no run."""
        values = {"of_tenant": tenant, "of_version": version, "customer": customer_id}
        self._connection.execute(_PASS_OVER, {**values, "passed_over": by})

    def started_since(self, tenant: str, version: str, since: datetime) -> int:
        """Return for how many members a run was started since a time."""
        values = {"of_tenant": tenant, "of_version": version, "since": since}
        return int(self._connection.scalar(_SINCE, values) or 0)

    def passed_over(self, tenant: str, version: str) -> int:
        """Return of how many members another version took the turn."""
        query = select(func.count()).where(
            _MEMBER.tenant == tenant, _MEMBER.version == version, _MEMBER.passed_over.is_not(None)
        )
        return int(self._connection.scalar(query) or 0)

    def of_customer(self, tenant: str, version: str, customer_id: str) -> Times | None:
        """Return how fast one member was reached; None where no run of theirs was started."""
        values = {"of_tenant": tenant, "of_version": version, "customer": customer_id}
        found = [_times(*row) for row in self._connection.execute(_OF_ONE, values)]
        return found[0] if found else None

    def times(self, tenant: str, version: str, limit: int) -> tuple[Times, ...]:
        """Return how fast members were reached, the newest first."""
        values = {"of_tenant": tenant, "of_version": version, "limit": limit}
        return tuple(_times(*row) for row in self._connection.execute(_TIMES, values))


def _times(signal_at: datetime, started_at: datetime, state: str | None, moved_at: datetime | None) -> Times:
    return Times(signal_at, started_at, moved_at if state == "executed" else None)
