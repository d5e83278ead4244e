"""The outbox: notifications are added with the entry of the record that causes them, and delivered afterwards.

    add ──(console)──► delivered
     └──► waiting ──claim──► waiting, leased ──delivered──► delivered
               ▲                 │    └───────failed─────► failed
               └──────retry──────┘ (or the lease runs out: its holder died)

Delivery is at least once: a holder that dies after sending leaves the message to the next one. Only its last claimant
moves a message on, so that each end is reached, and recorded, once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import bindparam, func, select, text, update

from placet.contracts.notification import Channel, DeliveryStatus, Notification, Occasion
from placet.contracts.text import shortened
from placet.errors import StorageError
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as
from placet.storage.tables import NOTIFICATION

T = TypeVar("T")
_DERIVED: Final = frozenset({"run_id", "version", "proposal", "occurrence"})
"""Fields that two columns hold: what it is about, and what of that."""
_FIELDS: Final = (
    NOTIFICATION.c.about,
    NOTIFICATION.c.matter,
    *(NOTIFICATION.c[name] for name in Notification.model_fields if name not in _DERIVED),
)
_LONGEST_DETAIL: Final = 500

# Written out, since an index of those that wait is of no use to a query with a parameter there.
_WAITING = text("notification.status = 'waiting'")
_DUE = (
    _WAITING,
    NOTIFICATION.c.next_attempt_at <= bindparam("now"),
    NOTIFICATION.c.tenant.in_(bindparam("tenants", expanding=True)),
)
_NEXT_NAME = select(func.min(NOTIFICATION.c.recipient)).where(
    _WAITING, NOTIFICATION.c.channel == bindparam("of_channel"), NOTIFICATION.c.recipient > bindparam("after")
)
_ANY = select(NOTIFICATION.c.notification_id).where(*_DUE, NOTIFICATION.c.channel == bindparam("of_channel")).limit(1)
_ANY_TO = _ANY.where(NOTIFICATION.c.recipient == bindparam("of_recipient"))
_NEXT = (
    select(NOTIFICATION.c.notification_id)
    .where(*_DUE, NOTIFICATION.c.channel == bindparam("of_channel"))
    .order_by(NOTIFICATION.c.next_attempt_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT_TO = _NEXT.where(NOTIFICATION.c.recipient == bindparam("of_recipient"))
_TAKEN = {
    "holder": bindparam("claimant"),
    "next_attempt_at": bindparam("until"),
    "attempts": NOTIFICATION.c.attempts + 1,
}
_CLAIM, _CLAIM_TO = (
    update(NOTIFICATION)
    .where(NOTIFICATION.c.notification_id == due.scalar_subquery())
    .values(_TAKEN)
    .returning(*_FIELDS)
    for due in (_NEXT, _NEXT_TO)
)
_MOVE = update(NOTIFICATION).where(
    NOTIFICATION.c.notification_id == bindparam("id"),
    NOTIFICATION.c.status == "waiting",
    NOTIFICATION.c.holder == bindparam("claimant"),
)
_ORDER = PageOrder(NOTIFICATION.c.tenant, (NOTIFICATION.c.notification_id,), descending=True)
_NUMBER = select(NOTIFICATION.c.notification_id).where(
    NOTIFICATION.c.about == bindparam("of_about"),
    NOTIFICATION.c.occasion == bindparam("of_occasion"),
    NOTIFICATION.c.matter == bindparam("of_matter"),
    NOTIFICATION.c.channel == bindparam("of_channel"),
    NOTIFICATION.c.recipient == bindparam("of_recipient"),
    NOTIFICATION.c.tenant == bindparam("of_tenant"),
)
_COUNTS = (
    select(NOTIFICATION.c.occasion, NOTIFICATION.c.channel, NOTIFICATION.c.status, func.count().label("count"))
    .where(NOTIFICATION.c.tenant == bindparam("of_tenant"), NOTIFICATION.c.created_at >= bindparam("since"))
    .group_by(NOTIFICATION.c.occasion, NOTIFICATION.c.channel, NOTIFICATION.c.status)
    .order_by(NOTIFICATION.c.occasion, NOTIFICATION.c.channel, NOTIFICATION.c.status)
)


@dataclass(frozen=True, slots=True)
class Lane:
    """Messages that wait for one another and for no others: all e-mail (`recipient` None), or one webhook's."""

    channel: Channel
    recipient: str | None


@dataclass(frozen=True, slots=True)
class NotificationCount:
    """How many notifications of one occasion and channel stand in one status."""

    occasion: Occasion
    channel: Channel
    status: DeliveryStatus
    count: int


class Outbox:
    """Notifications of all tenants. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        *,
        tenant: str,
        about: str,
        matter: str = "",
        strategy: str | None = None,
        occasion: Occasion,
        channel: Channel,
        recipient: str,
        role: str,
        subject: str,
        text: str,
        at: datetime,
    ) -> bool:
        """Keep a message for delivery, once for each occasion, matter, channel and recipient.

        It is about a run, whose proposal is the matter; or about a version of `strategy`, of which `matter` says which
        occurrence.

        The console reads this very table, so that a message to it is delivered by being added.

        Returns:
            Whether it is new.
        """
        there = channel == "console"
        values: dict[str, object] = {
            "tenant": tenant,
            "about": about,
            "matter": matter,
            "strategy": strategy,
            "occasion": occasion,
            "channel": channel,
            "recipient": recipient,
            "role": role,
            "subject": subject,
            "text": text,
            "created_at": at,
            "status": "delivered" if there else "waiting",
            "attempts": 0,
            "next_attempt_at": None if there else at,
            "delivered_at": at if there else None,
            "holder": "",
            "detail": "",
        }
        return insert_if_absent(self._connection, NOTIFICATION, values)

    def lanes_due(self, tenants: frozenset[str], now: datetime) -> tuple[Lane, ...]:
        """Return the lanes in which at least one message of `tenants` is due.

        It only reads, so that an idle notifier may call it often.
        """
        lanes = (Lane("email", None), *(Lane("webhook", name) for name in self._waiting("webhook")))
        values = {"tenants": sorted(tenants), "now": now}
        return tuple(
            lane for lane in lanes if self._connection.scalar(*_within(lane, _ANY, _ANY_TO, values)) is not None
        )

    def claim(
        self, lane: Lane, tenants: frozenset[str], *, holder: str, now: datetime, until: datetime
    ) -> Notification | None:
        """Take the message of `lane` that has been due for longest, and count the attempt; commit before sending.

        Args:
            lane: Where to look.
            tenants: Whose messages.
            holder: Names one notifier's one thread.
            now: Its clock.
            until: When others may take it, the holder having died. Later than any sending can take.

        Returns:
            The message; None where none is due.
        """
        values = {"tenants": sorted(tenants), "now": now, "claimant": holder, "until": until}
        claim, found = _within(lane, _CLAIM, _CLAIM_TO, values)
        while (row := self._connection.execute(claim, found).mappings().one_or_none()) is not None:
            try:
                return _notification(row)
            except StorageError:
                continue  # written by another version, whose notifier may read it once this claim is over
        return None

    def delivered(self, notification_id: int, *, holder: str, at: datetime) -> bool:
        """Mark the message as delivered; return False when `holder` no longer holds it, and must record nothing."""
        return self._move(notification_id, holder, status="delivered", delivered_at=at, next_attempt_at=None, detail="")

    def failed(self, notification_id: int, *, holder: str, detail: str) -> bool:
        """Mark the message as failed, to be sent no more; return False when `holder` no longer holds it."""
        return self._move(notification_id, holder, status="failed", next_attempt_at=None, detail=_cut(detail))

    def retry(self, notification_id: int, *, holder: str, at: datetime, detail: str) -> bool:
        """Try again at `at`; False when `holder` no longer holds it."""
        return self._move(notification_id, holder, next_attempt_at=at, detail=_cut(detail))

    def get(self, notification_id: int) -> Notification | None:
        """Return one notification; None if there is none."""
        query = select(*_FIELDS).where(NOTIFICATION.c.notification_id == notification_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _notification(row)

    def list(
        self,
        tenant: str,
        *,
        status: DeliveryStatus | None = None,
        channel: Channel | None = None,
        run_id: str | None = None,
        strategy: str | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> tuple[Notification, ...]:
        """List the notifications of `tenant`, newest first; `after` is the one that ended the previous page.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = select(*_FIELDS).where(NOTIFICATION.c.tenant == tenant)
        if status is not None:
            query = query.where(NOTIFICATION.c.status == status)
        if channel is not None:
            query = query.where(NOTIFICATION.c.channel == channel)
        if run_id is not None:
            query = query.where(NOTIFICATION.c.about == run_id)
        if strategy is not None:
            query = query.where(NOTIFICATION.c.strategy == strategy)
        query = _ORDER.page(self._connection, query, tenant, after=after, limit=limit)
        return tuple(_notification(row) for row in self._connection.execute(query).mappings())

    def number_of(
        self, *, tenant: str, about: str, occasion: str, matter: str, channel: str, recipient: str
    ) -> int | None:
        """Return the id of the notification that these tell apart from all others; None if there is none."""
        this = {
            "of_tenant": tenant,
            "of_about": about,
            "of_occasion": occasion,
            "of_matter": matter,
            "of_channel": channel,
            "of_recipient": recipient,
        }
        number: int | None = self._connection.scalar(_NUMBER, this)
        return number

    def counts(self, tenant: str, since: datetime) -> tuple[NotificationCount, ...]:
        """Count the messages added at `since` or later, by occasion, channel and status."""
        rows = self._connection.execute(_COUNTS, {"of_tenant": tenant, "since": since}).mappings()
        return tuple(NotificationCount(**row) for row in rows)

    def _waiting(self, channel: Channel) -> Iterator[str]:
        """Yield each recipient for whom something waits, with one look at the index for each."""
        name = ""
        while (name := self._connection.scalar(_NEXT_NAME, {"of_channel": channel, "after": name})) is not None:
            yield name

    def _move(self, notification_id: int, holder: str, **values: object) -> bool:
        moved = {"id": notification_id, "claimant": holder, "holder": "", **values}
        return self._connection.execute(_MOVE, moved).rowcount == 1


def _within(lane: Lane, all_of_it: T, one_name: T, values: dict[str, object]) -> tuple[T, dict[str, object]]:
    """Return the statement for `lane`, and its values."""
    if lane.recipient is None:
        return all_of_it, {**values, "of_channel": lane.channel}
    return one_name, {**values, "of_channel": lane.channel, "of_recipient": lane.recipient}


def _cut(detail: str) -> str:
    return shortened(" ".join(detail.replace("\x00", " ").split()), _LONGEST_DETAIL)


def _notification(row: Row) -> Notification:
    values = dict(row)
    about, matter = values.pop("about"), values.pop("matter")
    if values["strategy"] is None:
        values |= {"run_id": about, "proposal": matter or None}
    else:
        values |= {"run_id": None, "proposal": None, "version": about, "occurrence": matter}
    return read_as(Notification, NOTIFICATION.name, row["notification_id"], values)
