"""The BSS's own ledger beside the record: each customer of the stage once, with the amount that was cleared."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from placet.bench.processes.place import Place
from placet.bench.rollout.crowd import Crowd
from placet.bench.rollout.figures import Ledger
from placet.contracts.people.mandate import MandateRecord
from placet.errors import PlacetError
from placet.network.client import plain_client
from placet.storage.database import Database

_PAGE: Final = 1_000
_PATH: Final = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


def compare_ledger(database: Database, place: Place, record: MandateRecord, crowd: Crowd) -> Ledger:
    """Compare what the BSS booked, asked over plain HTTP, with what the record says that the mandate cleared.

    Raises:
        PlacetError: somebody got something twice, nothing, another amount, or is not of the stage.
    """
    tenant, mandate_id = record.mandate.tenant, record.mandate.document_id
    with database.reading() as tx:
        uses = tx.mandates.uses(tenant, mandate_id, 2 * len(crowd.treated))
        now = tx.mandates.get(tenant, mandate_id)
    cleared = Counter[str]()
    for use in uses:
        cleared[use.customer_id] += use.amount_minor
    booked, times = Counter[str](), Counter[str]()
    for customer, minor in _booked(place):
        booked[customer] += minor
        times[customer] += 1
    treated, others = set(crowd.treated), set(crowd.others)
    once = {one for one in treated if times[one] == 1 and booked[one] == cleared[one] > 0}
    found = Ledger(
        changed_once=len(once),
        others_changed=sum(times[one] for one in others),
        given_minor=sum(booked[one] for one in treated),
        spent_minor=0 if now is None else now.spent_minor,
    )
    if once != treated or len(uses) != len(treated) or found.others_changed or found.given_minor != found.spent_minor:
        raise PlacetError(f"the BSS's ledger is not what the record says of {len(treated)} customers: {found}")
    return found


def _booked(place: Place) -> Iterator[tuple[str, int]]:
    """Yield the customer and the amount of every adjustment, in minor units."""
    with plain_client(30, base_url=place.bss_url) as bss:
        for offset in range(0, 2**31, _PAGE):
            page: list[dict[str, Any]] = (
                bss.get(_PATH, params={"limit": _PAGE, "offset": offset}).raise_for_status().json()
            )
            for one in page:
                yield str(one["relatedParty"][0]["id"]), int(Decimal(str(one["amount"]["amount"])) * 100)
            if len(page) < _PAGE:
                return
