"""`/v1/halts`: stop executions at once, and let them go on again on an entitled signature."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, model_validator

from placet.contracts.base import Frozen, RunId
from placet.contracts.people.halt import Halt, HaltScope
from placet.contracts.people.signed import Remark
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.common import Signed, text_of
from placet.interfaces.http.endpoints.once import OnceKey
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.halts import lift_halt, place_halt_once

Which = Annotated[Literal["in_force", "all"], Query(description="`all`: those lifted as well")]


class HaltOrder(Frozen, defer_build=False):
    """Ask for a halt. `subject` is the agent or the kind of mutation; empty where `scope` is the whole tenant."""

    scope: HaltScope
    subject: str = ""
    reason: Remark

    @model_validator(mode="after")
    def _fits(self) -> "HaltOrder":
        if (self.scope == "tenant") != (not self.subject):
            raise ValueError(f"scope {self.scope!r} and subject {self.subject!r} do not fit")
        return self


class LeavingEffect(Frozen):
    """An effect that a halt came too late for: its request was leaving, and may arrive until then."""

    run_id: RunId
    may_arrive_until: AwareDatetime


class HaltPlaced(Frozen):
    """The halt. Nothing it is about starts to leave any more; `leaving` may arrive still."""

    halt: Halt
    leaving: tuple[LeavingEffect, ...]


class Halts(Frozen):
    """A page of the halts that were asked for."""

    halts: tuple[Halt, ...]
    next: str | None


_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": HaltPlaced, "description": "The same key placed it before."}
}


class HaltEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/halts", tags=["halts"])
        router.add_api_route("", self.list_halts, methods=["GET"])
        router.add_api_route("", self.place, **posts("operate"), status_code=201, responses=_AGAIN)
        router.add_api_route("/lift", self.lift, **posts("deliver"))
        return router

    def list_halts(self, which: Which = "in_force", after: After = None, limit: Limit = DEFAULT) -> Halts:
        """List the halts in force, or all of them, oldest first."""
        with self._served.database.reading() as tx:
            found = tx.halts.list(self._served.tenant, lifted=which == "all", after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.halt_id)
        return Halts(halts=shown, next=following)

    def place(self, order: HaltOrder, operator: Operator, once: OnceKey, response: Response) -> HaltPlaced:
        """Stop executions: of the tenant, of one agent, or of one kind of mutation. Who operates may halt.

        201 for a new halt, 200 for the one that the same key placed before, as it stands now.
        """
        halt, leaving, new = place_halt_once(
            self._served.database,
            key=once,
            tenant=self._served.tenant,
            scope=order.scope,
            subject=order.subject,
            by=operator.name,
            voucher=operator.token_id,
            reason=order.reason,
            agents=self._served.agents,
        )
        response.status_code = 201 if new else 200
        effects = (LeavingEffect(run_id=one.run_id, may_arrive_until=one.lease_until) for one in leaving)
        return HaltPlaced(halt=halt, leaving=tuple(effects))

    def lift(self, envelope: Signed) -> Halt:
        """Lift the halt that a signed document names. Policy says who may; an attempt that fails is on the record."""
        served = self._served
        return lift_halt(served.database, text_of(envelope), tenant=served.tenant, policies=served.all_policies())
