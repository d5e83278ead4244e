"""What people do with journeys: let one customer enter a strategy by hand."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from placet.contracts.people.access import Voucher
from placet.errors import UsageError
from placet.service.given import checked
from placet.service.journeys.showing import Policies
from placet.service.journeys.starting import Entry, record_entry
from placet.service.keeping.tenant_record import Said
from placet.service.strategies.publishing import carried
from placet.storage.database import Database

if TYPE_CHECKING:
    from placet.engine.client import Engine


async def start_by_hand(
    database: Database,
    engine: "Engine",
    *,
    tenant: str,
    customer_id: str,
    wanted: str,
    by: str,
    policies: Policies,
    channel: str | None = None,
    voucher: Voucher | None = None,
) -> bool:
    """Let one customer enter a published strategy; returns whether they are new in it.

    Asked for again, it starts a workflow that was lost.

    Raises:
        UsageError: code `unknown_strategy`, `strategy_unpublished`, `other_channel`, `no_steps`; code `journey_over`,
            they were in this version already.
        UpstreamUnavailable: recorded, but Temporal did not start it; asking again starts it.
    """
    await engine.require_ours()
    said, now = Said.read(by, ""), datetime.now(UTC)
    carries = carried(database, tenant, wanted, channel, policies, now, by_steps=True)
    with checked():
        entry = Entry(
            tenant=tenant,
            customer_id=customer_id,
            strategy=carries.name,
            version=carries.version,
            agent=carries.by,
            channel=carries.channel,
            requested_by=said.by,
        )
    started = record_entry(database, entry, at=now, voucher=voucher)
    if started.over:
        raise UsageError(
            f"customer {customer_id!r} was in this version of strategy {carries.name!r}, and left it; a version is "
            "entered once",
            code="journey_over",
        )
    await engine.start_journey(started.asked)
    return started.new
