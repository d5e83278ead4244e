"""Erases documents, a batch in each transaction, while runs go on that may name the same bytes again.

Whoever puts bytes that are there already holds their row until their entry is committed (`ArtifactStore.put`). So once
a batch has locked its rows, every run that named one of them before has its entry there to be read, and one that comes
later waits, finds the row gone and puts it anew. Rows that somebody holds are left for the next time: nothing waits
here, and nothing can deadlock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, select

from placet.contracts.run import END_STATES
from placet.storage.retention.erasures import LIST_MEDIA_TYPE, list_of
from placet.storage.retention.survey import names
from placet.storage.tables import ARTIFACT, AUDIT, NOTIFICATION, RUN
from placet.storage.transaction import Transaction

BATCH: Final = 500
"""Documents, or notifications, in one transaction."""

# What is no document of a run, and has the same bytes, was kept under its own type.
_TYPES: Final = ("text/plain", "application/json")
_OF_BATCH = and_(
    ARTIFACT.c.tenant == bindparam("of_tenant"), ARTIFACT.c.digest.in_(bindparam("digests", expanding=True))
)
_SIZES = select(func.count(), func.coalesce(func.sum(func.length(ARTIFACT.c.data)), 0)).where(
    _OF_BATCH, ARTIFACT.c.media_type.in_(_TYPES)
)
_LOCK = (
    select(ARTIFACT.c.digest, func.length(ARTIFACT.c.data))
    .where(_OF_BATCH, ARTIFACT.c.media_type.in_(_TYPES))
    .order_by(ARTIFACT.c.digest)
    .with_for_update(skip_locked=True)
)
_DELETE = delete(ARTIFACT).where(_OF_BATCH)
_MOVED = (
    select(AUDIT.c.run_id)
    .distinct()
    .where(AUDIT.c.tenant == bindparam("of_tenant"), AUDIT.c.id > bindparam("after"), AUDIT.c.run_id.is_not(None))
)

# A row of a run that is not over keeps its message from being sent twice; of a strategy, an entry of the record does.
_NOTICES = (
    select(NOTIFICATION.c.notification_id)
    .outerjoin(RUN, RUN.c.run_id == NOTIFICATION.c.about)
    .where(
        NOTIFICATION.c.tenant == bindparam("of_tenant"),
        NOTIFICATION.c.status.in_(("delivered", "failed")),
        NOTIFICATION.c.created_at < bindparam("before"),
        RUN.c.state.in_(sorted(END_STATES)) | NOTIFICATION.c.strategy.is_not(None),
    )
)
_TEXT = func.length(NOTIFICATION.c.subject) + func.length(NOTIFICATION.c.text)
_COUNT_NOTICES = select(func.count(), func.coalesce(func.sum(_TEXT), 0), func.min(NOTIFICATION.c.created_at)).where(
    NOTIFICATION.c.notification_id.in_(_NOTICES)
)
_DELETE_NOTICES = delete(NOTIFICATION).where(
    NOTIFICATION.c.notification_id.in_(_NOTICES.order_by(NOTIFICATION.c.notification_id).limit(BATCH))
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are, how large they are, and when the oldest is from."""

    count: int
    size: int
    oldest: datetime | None = None


def size_of(tx: Transaction, tenant: str, digests: Sequence[str]) -> Size:
    """Return how many of these documents are there to be erased, and their bytes."""
    count = size = 0
    for first in range(0, len(digests), BATCH):
        values = {"of_tenant": tenant, "digests": digests[first : first + BATCH]}
        more, bytes_ = tx.connection.execute(_SIZES, values).one()
        count, size = count + more, size + int(bytes_)
    return Size(count, size)


def size_of_notices(tx: Transaction, tenant: str, before: datetime) -> Size:
    """Return how many notifications older than `before` are done with, their length, and when the oldest is from."""
    count, size, oldest = tx.connection.execute(_COUNT_NOTICES, {"of_tenant": tenant, "before": before}).one()
    return Size(count, int(size), oldest)


def erase_notices(tx: Transaction, tenant: str, before: datetime) -> int:
    """Erase a batch of those that `size_of_notices` counts; return how many went."""
    return tx.connection.execute(_DELETE_NOTICES, {"of_tenant": tenant, "before": before}).rowcount


@dataclass
class Eraser:
    """Erases documents that a survey found.

    Args:
        tenant: Whose.
        after: Position up to which the survey had seen every entry.

    Attributes:
        named: Documents of runs that went on since. They stay until the next survey.
    """

    tenant: str
    after: int
    named: set[str] = field(default_factory=set)

    def lock(self, tx: Transaction, digests: Sequence[str]) -> dict[str, int]:
        """Lock a batch, and return the size in bytes of each document in it that may still go."""
        values = {"of_tenant": self.tenant, "digests": digests}
        sizes: dict[str, int] = dict(tx.connection.execute(_LOCK, values).all())
        self._catch_up(tx)
        return {digest: size for digest, size in sizes.items() if digest not in self.named}

    def erase(self, tx: Transaction, digests: Sequence[str], number: int) -> None:
        """Erase what `lock` returned, in the same transaction, under entry `number` of the tenant's stream."""
        tx.erasures.add(self.tenant, number, digests)
        tx.connection.execute(_DELETE, {"of_tenant": self.tenant, "digests": digests})

    def keep_list(self, tx: Transaction, digests: Sequence[str]) -> str:
        """Keep the list of what is to be erased, for ever; return its digest, for the entry."""
        return tx.artifacts.put(self.tenant, LIST_MEDIA_TYPE, list_of(digests))

    def _catch_up(self, tx: Transaction) -> None:
        settled = tx.audit.settled(self.tenant)  # before the reading, so that what is read covers it
        moved = tx.connection.scalars(_MOVED, {"of_tenant": self.tenant, "after": self.after})
        for first in range(0, len(moved), BATCH):
            named = names(tx.projections, moved[first : first + BATCH])
            self.named.update(digest for several in named.values() for _, digest in several)
        self.after = max(self.after, settled)
