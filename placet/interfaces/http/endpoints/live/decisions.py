"""`/v1/decisions`: what all published strategies would do for a customer, and what they would in another case."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field, StrictBool, StrictInt

from placet.contracts.base import CustomerId, Frozen, Text
from placet.contracts.events.kinds import Channel
from placet.contracts.times import Moment, rfc3339
from placet.decisioning.next_best_action.supposing import MOST_FACTS, fact_of
from placet.governance.signing.canonical import digest
from placet.interfaces.http.access import posts
from placet.interfaces.http.served import Served
from placet.service.strategies.deciding import Case, PublishedDecision, decide_by_published
from placet.service.strategies.supposing import WhatIf, what_if

_DIGITS: Final = 32
"""Of a digest in an ETag."""
_SAME: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is the decision that `If-None-Match` names."}}

FactGiven = StrictBool | StrictInt | Text | None


class Suppose(Frozen, defer_build=False):
    """What is supposed, in the place of what is so; at least one thing.

    Attributes:
        facts: By their columns, as in `GET /v1/cohorts/columns`; null: nothing is known of it.
    """

    channel: Channel | None = None
    at: Moment | None = None
    facts: Annotated[dict[str, FactGiven], Field(max_length=MOST_FACTS)] = Field(default_factory=dict)


class WhatIfAsked(Frozen, defer_build=False):
    """Where the customer would be told, and when; and what is supposed."""

    channel: Channel
    at: Moment | None = None
    suppose: Suppose


class DecisionEndpoints:
    """`/v1/decisions`: the next best action by all published strategies."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/decisions", tags=["strategies"])
        router.add_api_route(
            "/{customer_id}", self.next_best_action, methods=["GET"], response_model=PublishedDecision, responses=_SAME
        )
        router.add_api_route("/{customer_id}/what-if", self.what_if, **posts("read"))
        return router

    def next_best_action(
        self,
        response: Response,
        customer_id: Annotated[CustomerId, Path()],
        channel: Annotated[Channel, Query(description="where they would be told; not `any`")],
        at: Annotated[
            Moment | None,
            Query(description="what if it were then; of a time to come, the state is that of now. Default: now"),
        ] = None,
        if_none_match: Annotated[
            str | None, Header(description="the `ETag` of an earlier answer: the same decision is answered 304")
        ] = None,
    ) -> Any:
        """Return the next best action for a customer by all published strategies, as far as each rollout has reached.

        Nothing is sent and nothing kept. The `ETag` stands for the state's version, the strategies' versions and reach,
        the channel, the hour and the choice: while it is the same, so is the decision.
        """
        served, now = self._served, datetime.now(UTC)
        found = decide_by_published(
            served.database,
            served.tenant,
            customer_id,
            served.policies_of,
            channel=channel,
            at=at or now,
            now=now,
        )
        tag = tag_of(found)
        if if_none_match is not None and tag in {one.strip() for one in if_none_match.split(",")}:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return found

    def what_if(self, customer_id: Annotated[CustomerId, Path()], asked: WhatIfAsked) -> WhatIf:
        """Return what would be done for a customer in a supposed case, beside what would be as things are.

        Another channel, another time, other facts of them. Nothing is sent, and what is supposed is not kept.
        """
        served, now = self._served, datetime.now(UTC)
        as_is, wanted = Case(asked.channel, asked.at or now), asked.suppose
        facts = {name: fact_of(name, value) for name, value in wanted.facts.items()}
        supposed = Case(wanted.channel or as_is.channel, wanted.at or as_is.at, facts)
        return what_if(served.database, served.tenant, customer_id, served.policies_of, as_is, supposed, now)


def tag_of(found: PublishedDecision) -> str:
    """Return the ETag of a decision: weak, for the times in the answer may differ.

    What was weighed is in its digest: windows move with the clock, and a decision may change though nothing happened.
    """
    decision = found.decision
    of = {
        "strategies": [one.model_dump(mode="json") for one in found.strategies],
        "weighed": [one.model_dump(mode="json") for one in decision.weighed],
        "assist": found.assist.model_dump(mode="json"),
        "customer_id": decision.customer_id,
    }
    hour = rfc3339(decision.at, "hours")
    return f'W/"{decision.state_version}.{decision.channel}.{hour}.{digest(of)[:_DIGITS]}"'
