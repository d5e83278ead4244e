"""`/v1/rollouts`: published strategies that are rolled out stage by stage: start, watch, hold, end, order on."""

import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Response

from placet.contracts.base import Frozen
from placet.contracts.events.kinds import Channel
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import PlacetError
from placet.interfaces.http.access import Asking, Operator, posts
from placet.interfaces.http.endpoints.common import Signed, StrategyNamed, Wanted, Why, text_of
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.rollouts.ordering import record_start, stop_rollout, take_order
from placet.service.rollouts.showing import RolloutInList, ShownRollout, list_rollouts, show_rollout
from placet.service.strategies.publishing import find_published
from placet.storage.strategies.rollouts import AlteredRollout

_LOG: Final = logging.getLogger(__name__)
_PREFIX: Final = "/v1/rollouts"


class RolloutStart(Frozen, defer_build=False):
    """Ask for the rollout of a published strategy. Without a channel it is the first that the strategy names."""

    strategy: StrategyNamed
    channel: Channel | None = None


class RolloutChanged(Frozen):
    """A rollout as it stands after what was asked.

    Attributes:
        told: Whether Temporal was reached and its workflow heard of it. It counts in any case; where it was not told,
            it finds out by itself.
    """

    told: bool
    rollout: ShownRollout


class Rollouts(Frozen):
    """A page of rollouts, the newest first; of one whose row cannot be read, what is wrong with it."""

    rollouts: tuple[RolloutInList | AlteredRollout, ...]
    next: str | None


_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": ShownRollout, "description": "It was started before; a workflow that was lost is started again."}
}


class RolloutEndpoints:
    """The endpoints, for the rollouts of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix=_PREFIX, tags=["rollouts"])
        router.add_api_route("", self.list_rollouts, methods=["GET"])
        router.add_api_route("", self.start, **posts("operate"), status_code=201, responses=_AGAIN)
        router.add_api_route("/{strategy}", self.show, methods=["GET"])
        router.add_api_route("/{strategy}/pause", self.pause, **posts("operate"))
        router.add_api_route("/{strategy}/abort", self.abort, **posts("operate"))
        router.add_api_route("/{strategy}/orders", self.order, **posts("deliver"))
        return router

    def list_rollouts(self, after: After = None, limit: Limit = DEFAULT) -> Rollouts:
        """List all rollouts, the newest first, and where each stands."""
        served = self._served
        found = list_rollouts(served.database, served.tenant, served.policies_of, limit=limit + 1, after=after)
        shown, following = split(found, limit, lambda one: one.version)
        return Rollouts(rollouts=shown, next=following)

    def show(self, strategy: Wanted) -> ShownRollout:
        """Show a rollout: how far it is, whom it reached, what its guard rails say, who decided what."""
        served = self._served
        return show_rollout(served.database, served.tenant, strategy, served.policies_of)

    def start(self, order: RolloutStart, operator: Operator, response: Response) -> ShownRollout:
        """Start the rollout of a published strategy: 201; asked again, 200, and a workflow that was lost is started.

        Whoever published the strategy may not start it.
        """
        served, now = self._served, datetime.now(UTC)
        served.engine.call(lambda engine: engine.require_ours())  # what it cannot take need not be recorded
        with served.database.reading() as tx:
            found = find_published(tx, served.tenant, order.strategy, served.policies_of, now)
            before = tx.rollouts.get(served.tenant, found.version) is not None
        asked = record_start(
            served.database,
            tenant=served.tenant,
            wanted=found.version,
            by=operator.name,
            policies=served.policies_of,
            channel=order.channel,
            voucher=operator.token_id,
        )
        served.engine.call(lambda engine: engine.start_rollout(asked))
        response.status_code = 200 if before else 201
        response.headers["Location"] = f"{_PREFIX}/{asked.version}"
        return self.show(asked.version)

    def pause(self, strategy: Wanted, why: Why, operator: Operator) -> RolloutChanged:
        """Hold a rollout: nobody is treated until an entitled person signs that it goes on."""
        return self._stop(strategy, "pause", why, operator)

    def abort(self, strategy: Wanted, why: Why, operator: Operator) -> RolloutChanged:
        """End a rollout for good: nobody more is treated by this version."""
        return self._stop(strategy, "abort", why, operator)

    def order(self, strategy: Wanted, envelope: Signed) -> RolloutChanged:
        """Take a signed order: to the next stage, or on after a hold. Policy says who may sign; see `RolloutOrder`.

        The same again changes nothing. An order that does not count is on the record, and answered 422.
        """
        served = self._served
        shown = self.show(strategy)
        ordered = take_order(
            served.database,
            text_of(envelope),
            tenant=served.tenant,
            policies=served.policies_of,
            version=shown.row.asked.version,
        )
        return self._changed(ordered)

    def _stop(self, strategy: str, how: Literal["pause", "abort"], why: Why, operator: Asking) -> RolloutChanged:
        served = self._served
        shown = stop_rollout(
            served.database,
            tenant=served.tenant,
            wanted=strategy,
            how=how,
            by=operator.name,
            reason=why.reason,
            policies=served.policies_of,
            voucher=operator.token_id,
        )
        return RolloutChanged(told=self._tell(shown.row.asked), rollout=shown)

    def _changed(self, ordered: RolloutOrder) -> RolloutChanged:
        shown = self.show(ordered.version)
        return RolloutChanged(told=self._tell(shown.row.asked), rollout=shown)

    def _tell(self, asked: RolloutAsked) -> bool:
        """Tell the workflow; the record counts whether or not it hears of it now."""
        try:
            self._served.engine.call(lambda engine: engine.tell_rollout(asked))
        except PlacetError as error:
            _LOG.warning("rollout %s hears of it later: %s", asked.workflow_id, error)
            return False
        return True
