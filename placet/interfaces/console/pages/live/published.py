"""Published strategies: the list of them, and one in full."""

from typing import Any, Final

from starlette.responses import Response

from placet.errors import DecisionRefused
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.published import PublishedShown, published_of, told_in_parts
from placet.interfaces.console.views.governance.mandates import altered_of
from placet.service.strategies.publishing import PublishedStrategy, find_published, publications, text_of

_MOST: Final = 50


def listed(asked: Asked) -> dict[str, Any]:
    """Return what the page of strategies shows of those that are published, those in force first."""
    served = asked.parts.served
    with served.database.reading() as tx:
        found = publications(tx, served.tenant, served.policies_of, asked.now)
    shown = [published_of(one, asked.now) for one in found if isinstance(one, PublishedStrategy)]
    altered = [altered_of(one.mandate_id) for one in found if not isinstance(one, PublishedStrategy)]
    return {"published": sorted(shown, key=_over)[:_MOST], "published_more": len(shown) > _MOST, "altered": altered}


def show(asked: Asked) -> Response:
    """Show one published version: where it stands, and what it says."""
    served, wanted = asked.parts.served, asked.request.path_params["strategy"]
    with served.database.reading() as tx:
        found = find_published(tx, served.tenant, wanted, served.policies_of, asked.now)
        rolled = tx.rollouts.get(served.tenant, found.version) is not None
    try:
        strategy = text_of(served.database, found)
    except DecisionRefused:
        strategy = None
    return asked.page(
        "customers/published.html",
        it=published_of(found, asked.now),
        told=() if strategy is None else told_in_parts(strategy),
        channels=() if strategy is None else strategy.contact.channels,
        rolled=rolled,
        own=asked.visitor.name == found.record.mandate.signer,
        may_start=asked.may("operate", "rollouts"),
    )


def _over(one: PublishedShown) -> bool:
    return not one.in_force
