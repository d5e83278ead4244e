"""`/v1/strategies`: versions that somebody signed, where each stands, and how one is published."""

from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter

from placet.contracts.base import Frozen
from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate
from placet.contracts.strategies.findings import ToldLine
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.telling import told
from placet.errors import DecisionRefused, UsageError
from placet.governance.authority.mandates import left
from placet.governance.signing.canonical import digest
from placet.governance.signing.signed import unverified_document
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.common import Signed, Wanted, text_of
from placet.interfaces.http.endpoints.governance.mandates import Altered
from placet.interfaces.http.endpoints.live.strategies import StrategyText
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.mandates import take_mandate
from placet.service.strategies import publishing
from placet.service.strategies.given import strategy_given
from placet.service.strategies.publishing import PublishedStrategy, find_published, keep_text, publications

_PREFIX: Final = "/v1/strategies"
LARGER: Final = {_PREFIX: 256 * 1024}
"""Bodies of these paths may be longer, in bytes: a text of the largest size, and a signed mandate."""


class StandingStrategy(PublishedStrategy):
    """A published version, and what is left of its budget. Runs may carry it out while `state` is `valid`."""

    left: Money


class Strategies(Frozen):
    """A page of published versions; those whose rows were altered stand apart, and publish nothing."""

    strategies: tuple[StandingStrategy, ...]
    altered: tuple[Altered, ...]
    next: str | None


class StrategyInFull(Frozen):
    """A published version with its text.

    Attributes:
        strategy: Its text, as it was signed; None where it is gone or altered: the version then says so.
        told: The text in words.
    """

    published: StandingStrategy
    strategy: Strategy | None
    told: tuple[ToldLine, ...]


class StrategyToPublish(Frozen, defer_build=False):
    """A strategy, and the signed mandate that names the digest of it."""

    text: StrategyText
    mandate: Signed


class PublishedEndpoints:
    """The endpoints, for the strategies of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix=_PREFIX, tags=["strategies"])
        router.add_api_route("", self.list_strategies, methods=["GET"])
        router.add_api_route("", self.publish, **posts("deliver"), status_code=201)
        router.add_api_route("/{strategy}", self.show, methods=["GET"])
        return router

    def list_strategies(self, after: After = None, limit: Limit = DEFAULT) -> Strategies:
        """List every published version, by name, the newest of each first; those over or replaced included."""
        served = self._served
        with served.database.reading() as tx:
            found = publications(tx, served.tenant, served.policies_of, datetime.now(UTC))
        if after is not None:
            places = [place for place, one in enumerate(found, 1) if _mandate_id(one) == after]
            found = found[places[0] :] if places else ()
        shown, following = split(found, limit, _mandate_id)
        return Strategies(
            strategies=tuple(_with_rest(one) for one in shown if isinstance(one, PublishedStrategy)),
            altered=tuple(
                Altered(mandate_id=one.mandate_id, fault=one.fault)
                for one in shown
                if not isinstance(one, PublishedStrategy)
            ),
            next=following,
        )

    def show(self, strategy: Wanted) -> StrategyInFull:
        """Show a published strategy: what it says, who signed it, what is spent, how far it reaches.

        Of a name it is the version in force, or the last one.
        """
        served = self._served
        with served.database.reading() as tx:
            found = find_published(tx, served.tenant, strategy, served.policies_of, datetime.now(UTC))
        return self._in_full(found)

    def publish(self, order: StrategyToPublish) -> StrategyInFull:
        """Publish a strategy: its text, and the mandate that an entitled person signed for exactly this version.

        An earlier version of the name is replaced; the same again changes nothing.
        """
        served, text = self._served, text_of(order.mandate)
        strategy = strategy_given(order.text, f"`POST {_PREFIX}/check`")
        # Unverified, and only to say sooner what would be refused, and which agent's policies are asked about it.
        claimed, _ = unverified_document(text, Mandate)
        version = digest(strategy)
        if claimed.strategy != version:
            names = "no strategy" if claimed.strategy is None else f"version {claimed.strategy!r}"
            raise UsageError(
                f"the mandate names {names}, and the text is version {version!r}; send the text that was signed",
                code="other_version",
            )
        policies, declared = served.policies_of(claimed.agent), served.facts(claimed.agent)
        keep_text(served.database, served.tenant, strategy)
        record = take_mandate(served.database, text, tenant=served.tenant, policies=policies, declared=declared)
        with served.database.reading() as tx:
            return self._in_full(publishing.published(tx, record, served.policies_of, datetime.now(UTC)))

    def _in_full(self, found: PublishedStrategy) -> StrategyInFull:
        try:
            strategy = publishing.text_of(self._served.database, found)
        except DecisionRefused:
            strategy = None
        lines = () if strategy is None else told(strategy)
        return StrategyInFull(
            published=_with_rest(found),
            strategy=strategy,
            told=tuple(ToldLine(group=one.group, heading=one.heading, words=one.words) for one in lines),
        )


def _with_rest(found: PublishedStrategy) -> StandingStrategy:
    return StandingStrategy(**dict(found), left=left(found.record))


def _mandate_id(one: Any) -> str:
    return str(one.record.mandate.document_id if isinstance(one, PublishedStrategy) else one.mandate_id)
