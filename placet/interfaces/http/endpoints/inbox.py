"""`/v1/inbox`: what waits for a person, in one of two orders, and how many there are in all."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from placet.contracts.base import AgentName, CustomerId, Digest, Frozen, PersonName, ReasonCode
from placet.contracts.money import Money, check_not_negative, parse_money
from placet.contracts.people.approver import RoleName
from placet.contracts.proposal import MutationKind, Proposal
from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit
from placet.interfaces.http.served import Served
from placet.service.inbox import Waiting, parse_filter, read_inbox
from placet.storage.inbox import InboxOrder
from placet.storage.records import RunRecord


class WaitingRun(Frozen):
    """One run that waits.

    Attributes:
        digest: Of the pending proposal: the subject of whatever an approver signs.
        roles: Whose holders are asked now.
        approvals: How many of the quorum are there.
        fault: What is wrong with it; nobody can decide it while its proposal is None.
    """

    run: RunRecord
    closes_at: AwareDatetime
    proposal: Proposal | None
    digest: Digest | None
    roles: tuple[str, ...]
    quorum: int | None
    approvals: int | None
    fault: str


class InboxAnswer(Frozen):
    """A page of what waits; pass `next` as `after` to go on, None at the end. `total` counts all within the filter."""

    waiting: tuple[WaitingRun, ...]
    total: int
    next: str | None


class InboxEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/inbox", tags=["inbox"])
        router.add_api_route("", self.read, methods=["GET"])
        return router

    def read(
        self,
        role: RoleName | None = None,
        decider: Annotated[PersonName | None, Query(description="only what this person may still answer")] = None,
        agent: AgentName | None = None,
        kind: Annotated[tuple[MutationKind, ...], Query()] = (),
        treatment: Annotated[tuple[ReasonCode, ...], Query()] = (),
        customer_id: CustomerId | None = None,
        min_cost: Annotated[str | None, Query(description="such as `5.00 USD`")] = None,
        max_cost: Annotated[str | None, Query(description="such as `20.00 USD`")] = None,
        order: Annotated[InboxOrder, Query(description="`largest`: what is about most money comes first")] = "soonest",
        limit: Limit = DEFAULT,
        after: After = None,
    ) -> InboxAnswer:
        """List what waits for a decision, and outcomes that somebody must settle; `order` says what comes first."""
        wanted = parse_filter(
            {
                "roles": None if role is None else (role,),
                "decider": decider,
                "agent": agent,
                "kinds": kind,
                "treatments": treatment,
                "customer_id": customer_id,
                "cost_at_least": _amount(min_cost, "min_cost"),
                "cost_at_most": _amount(max_cost, "max_cost"),
            }
        )
        served = self._served
        now = datetime.now(UTC)
        page = read_inbox(served.database, served.tenant, wanted, now, limit=limit, after=after, order=order)
        return InboxAnswer(waiting=tuple(_shown(row) for row in page.rows), total=page.total, next=page.next)


def _shown(row: Waiting) -> WaitingRun:
    asked = row.asked
    return WaitingRun(
        run=row.record,
        closes_at=asked.gate.expires_at if asked else row.waits_until,
        proposal=asked.proposal if asked else None,
        digest=digest(asked.proposal) if asked else None,
        roles=asked.roles if asked else (),
        quorum=asked.gate.quorum if asked else None,
        approvals=asked.approvals if asked else None,
        fault=row.fault,
    )


def _amount(text: str | None, name: str) -> Money | None:
    if text is None:
        return None
    try:
        return check_not_negative(parse_money(text))
    except ValueError as error:
        raise UsageError(f"{name}: {error}", code="malformed") from error
