"""`/v1/runs/{run_id}/walkthroughs`: links that show a run, redacted, to somebody who has no token."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from placet.contracts.base import Frozen, RunId
from placet.errors import ConfigurationError
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.once import OnceKey
from placet.interfaces.http.served import Served
from placet.service.sharing.links import PATH, LinkId
from placet.service.sharing.walkthroughs import MOST_DAYS, USUAL_DAYS, Walkthroughs

OfLink = Annotated[LinkId, Path(description="the id of a link, as the list shows it")]


class WalkthroughOrder(Frozen, defer_build=False):
    """Ask for a link. `names`: whether it names the people who decided; their roles are shown in any case."""

    days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)] = USUAL_DAYS
    names: StrictBool = False


class WalkthroughLink(Frozen):
    """A link that was made.

    Attributes:
        path: Where the console shows it, below the address of this API; None where it does not count any more.
    """

    link_id: LinkId
    run_id: RunId
    shared_by: str
    shared_at: AwareDatetime
    expires_at: AwareDatetime
    names: bool
    withdrawn_by: str | None
    withdrawn_at: AwareDatetime | None
    path: str | None = None


class WalkthroughLinks(Frozen):
    """The links of a run, oldest first."""

    run_id: RunId
    links: tuple[WalkthroughLink, ...]


_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": WalkthroughLink, "description": "The same key made it before."}
}


class WalkthroughEndpoints:
    """The endpoints, for the runs of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/runs/{run_id}/walkthroughs", tags=["walkthroughs"])
        router.add_api_route("", self.list_links, methods=["GET"])
        router.add_api_route("", self.share, **posts("operate"), status_code=201, responses=_AGAIN)
        router.add_api_route("/{link_id}/withdraw", self.withdraw, **posts("withdraw"))
        return router

    def list_links(self, run_id: RunId) -> WalkthroughLinks:
        """List the links that were made to a run, without what opens them."""
        made = self._links.list(run_id)
        return WalkthroughLinks(run_id=run_id, links=tuple(WalkthroughLink(**dict(one)) for one in made))

    def share(
        self, run_id: RunId, operator: Operator, once: OnceKey, order: WalkthroughOrder, response: Response
    ) -> WalkthroughLink:
        """Make a link: 201 for a new one, 200 where the same key made it before. The run's record says who did."""
        shared, new = self._links.share(
            run_id, by=operator.name, days=order.days, names=order.names, voucher=operator.token_id, key=once
        )
        response.status_code = 201 if new else 200
        return WalkthroughLink(**dict(shared), path=f"{PATH}{self._links.text_of(shared)}")

    def withdraw(self, run_id: RunId, link_id: OfLink, operator: Operator) -> WalkthroughLink:
        """Withdraw a link: it leads nowhere from now on. To withdraw it again changes nothing."""
        withdrawn = self._links.withdraw(run_id, link_id, by=operator.name, voucher=operator.token_id)
        return WalkthroughLink(**dict(withdrawn))

    @property
    def _links(self) -> Walkthroughs:
        if self._served.links is None:
            raise ConfigurationError("this API was given nothing to seal links with")
        return self._served.links
