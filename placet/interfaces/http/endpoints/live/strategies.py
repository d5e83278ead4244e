"""`/v1/strategies`: check a text, see what one or several would do, compare two versions, ask for the next best action.

Nothing is kept and nothing is sent: a text goes with each request.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from placet.contracts.base import CustomerId, Frozen, Text
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.decision import NextBestAction
from placet.contracts.strategies.findings import CheckedStrategy, ComparedStrategies
from placet.contracts.strategies.plan import StrategyPlan
from placet.contracts.strategies.preview import StrategyPreview
from placet.contracts.strategies.schema import strategy_schema
from placet.decisioning.strategies.hints import Here
from placet.errors import UpstreamUnavailable
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.cohorts import MOST_CUSTOMERS
from placet.interfaces.http.served import Served
from placet.service.cohorts import check_size
from placet.service.strategies.checking import check_text, compare
from placet.service.strategies.deciding import decide_for
from placet.service.strategies.given import LONGEST, MOST_TEXTS, strategies_given, strategy_given
from placet.service.strategies.planning import plan, ready_for
from placet.service.strategies.previewing import preview

_PREFIX: Final = "/v1/strategies"
_LISTS: Final = f"`POST {_PREFIX}/check`"
_BODY: Final = 256 * 1024
LONGER: Final[Mapping[str, int]] = {
    **{f"{_PREFIX}/{what}": _BODY for what in ("check", "preview", "compare", "estimate")},
    **{f"{_PREFIX}/{what}": 1024 * 1024 for what in ("decide", "plan")},
}
"""Bodies of these paths may be longer: a text of the largest size, every character of which JSON may have to escape."""

StrategyText = Annotated[
    Text, StringConstraints(min_length=1, max_length=LONGEST), Field(description="a strategy in YAML")
]


class StrategyToCheck(Frozen, defer_build=False):
    """The text of a strategy."""

    text: StrategyText


class StrategiesToCompare(Frozen, defer_build=False):
    """Two versions of a strategy."""

    before: StrategyText
    after: StrategyText


StrategyTexts = Annotated[tuple[StrategyText, ...], Field(min_length=1, max_length=MOST_TEXTS)]


class DecisionAsked(Frozen, defer_build=False):
    """A customer, where they would be told, and the strategies that may speak, each of another name."""

    customer_id: CustomerId
    channel: Channel
    texts: StrategyTexts


class PlanAsked(Frozen, defer_build=False):
    """Where customers would be told, and the strategies that may speak, each of another name."""

    channel: Channel
    texts: StrategyTexts


class StrategyEndpoints:
    """The endpoints, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix=_PREFIX, tags=["strategies"])
        router.add_api_route("/check", self.check, **posts("read"))
        router.add_api_route("/preview", self.preview, **posts("read"))
        router.add_api_route("/compare", self.compare, **posts("read"))
        router.add_api_route("/decide", self.decide, **posts("read"))
        router.add_api_route("/plan", self.plan, **posts("read"))
        router.add_api_route("/schema", self.schema, methods=["GET"])
        return router

    def check(self, asked: StrategyToCheck) -> CheckedStrategy:
        """Check a text, and say the strategy in words.

        What is wrong with it is the answer, each fault with its line and column; with an error there is no `digest`.
        """
        return check_text(asked.text, Here(datetime.now(UTC), self._served.agents))

    def preview(self, asked: StrategyToCheck) -> StrategyPreview:
        """Show what a strategy would do to the base as it is now: whom it has, who could get what, the money.

        Events that no worker folded yet do not count. A large base is looked through on the command line.
        """
        served, strategy = self._served, strategy_given(asked.text, _LISTS)
        with self._looking("placet strategy preview"):
            return preview(served.database, served.tenant, strategy, datetime.now(UTC))

    def compare(self, asked: StrategiesToCompare) -> ComparedStrategies:
        """Compare two versions, in words, and say what the change means for customers who are in it already."""
        before, after = strategy_given(asked.before, _LISTS, "before"), strategy_given(asked.after, _LISTS, "after")
        return compare(before, after)

    def decide(self, asked: DecisionAsked) -> NextBestAction:
        """Return the next best action for a customer now, and where every other treatment falls.

        It is asked as if every strategy had reached everybody. The chosen one is the first of `weighed`, with `fell`
        null; without one, nothing would be done.
        """
        return decide_for(
            self._served.database,
            self._served.tenant,
            asked.customer_id,
            strategies_given(asked.texts, _LISTS),
            channel=asked.channel,
            at=datetime.now(UTC),
        )

    def plan(self, asked: PlanAsked) -> StrategyPlan:
        """Show what strategies together would do to the base as it is now: who gets which treatment, and the money.

        Each customer gets the treatment that is worth most, as if every strategy had reached everybody. Events that no
        worker folded yet do not count. A large base is looked through on the command line.
        """
        served, strategies = self._served, strategies_given(asked.texts, _LISTS)
        now = datetime.now(UTC)
        ready_for(strategies, asked.channel, now)  # what is wrong with them is told before anybody waits
        with self._looking("placet strategy plan"):
            return plan(served.database, served.tenant, strategies, asked.channel, now)

    @contextmanager
    def _looking(self, command: str) -> Iterator[None]:
        """Look through the base, for one at a time.

        Raises:
            UsageError: code `base_too_large`; `command` is for it.
            UpstreamUnavailable: code `busy`; it is being looked through.
        """
        served = self._served
        check_size(served.database, served.tenant, MOST_CUSTOMERS, command)
        with looking(served):
            yield

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a strategy, for editors."""
        return strategy_schema()


@contextmanager
def looking(served: Served) -> Iterator[None]:
    """Look through many customers, for one request at a time.

    Raises:
        UpstreamUnavailable: code `busy`; somebody else's is under way.
    """
    if not served.looking.acquire(blocking=False):
        raise UpstreamUnavailable(
            "the base is being looked through for somebody else; try again in a moment", code="busy"
        )
    try:
        yield
    finally:
        served.looking.release()
