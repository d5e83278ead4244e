"""Who was told of what, as every interface lists it. A cursor names a notification by what it is, not by its number."""

import base64
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from placet.contracts.base import Digest, Frozen, RunId
from placet.contracts.notification import Channel, DeliveryStatus, Notification, Occasion, Told
from placet.storage.database import Database
from placet.storage.sql.paging import unknown_cursor
from placet.storage.transaction import Transaction


class _Place(Frozen):
    """What tells a notification apart from all others. Its number counts those of all tenants, and is told to none."""

    about: RunId | Digest
    occasion: Occasion
    matter: Annotated[str, Field(pattern=r"^[a-z0-9_.-]{0,80}$")]
    channel: Channel
    recipient: Annotated[str, Field(pattern=r"^[^\x00]{1,254}$")]


@dataclass(frozen=True, slots=True)
class ToldPage:
    """Notifications, newest first; `next` says nothing to its reader."""

    told: tuple[Told, ...]
    next: str | None


def list_told(
    database: Database,
    tenant: str,
    *,
    status: DeliveryStatus | None = None,
    channel: Channel | None = None,
    run_id: str | None = None,
    strategy: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> ToldPage:
    """Return a page of notifications, newest first; `after` is the `next` of the page before.

    Raises:
        UsageError: code `unknown_cursor`.
    """
    with database.reading() as tx:
        last = None if after is None else _number(tx, tenant, after)
        found = tx.outbox.list(
            tenant, status=status, channel=channel, run_id=run_id, strategy=strategy, after=last, limit=limit + 1
        )
    told = tuple(Told.model_validate(one.model_dump(exclude={"notification_id"})) for one in found[:limit])
    return ToldPage(told, _cursor(found[limit - 1]) if len(found) > limit else None)


def _cursor(one: Notification) -> str:
    place = _Place(
        about=one.about, occasion=one.occasion, matter=one.matter, channel=one.channel, recipient=one.recipient
    )
    return base64.urlsafe_b64encode(place.model_dump_json().encode()).decode()


def _number(tx: Transaction, tenant: str, cursor: str) -> int:
    try:
        place = _Place.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        raise unknown_cursor(cursor) from error
    number = tx.outbox.number_of(tenant=tenant, **dict(place))
    if number is None:
        raise unknown_cursor(cursor)
    return number
