"""`/v1/approvers`: the people whose signatures count, with their keys and what was delegated to them."""

from datetime import UTC, datetime

from fastapi import APIRouter

from placet.contracts.base import Frozen
from placet.contracts.people.delegation import DelegationRecord
from placet.interfaces.http.endpoints.governance.keys import KnownKey, known_key
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.approvers import Approver, list_approvers


class KnownApprover(Frozen):
    """One person who is or was enrolled.

    Attributes:
        roles: What their keys that count now entitle them to decide as.
        keys: Every key in their name, revoked ones included.
        conferred: Delegations to them that are in force.
    """

    name: str
    roles: tuple[str, ...]
    keys: tuple[KnownKey, ...]
    conferred: tuple[DelegationRecord, ...]


class Approvers(Frozen):
    """A page of the people."""

    approvers: tuple[KnownApprover, ...]
    next: str | None


class ApproverEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/approvers", tags=["keys"])
        router.add_api_route("", self.list_people, methods=["GET"])
        return router

    def list_people(self, after: After = None, limit: Limit = DEFAULT) -> Approvers:
        """List the people who are or were enrolled, by name."""
        served = self._served
        found = list_approvers(served.database, served.tenant, datetime.now(UTC), after=after or "", limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.name)
        return Approvers(approvers=tuple(_shown(one) for one in shown), next=following)


def _shown(one: Approver) -> KnownApprover:
    return KnownApprover(
        name=one.name, roles=one.roles, keys=tuple(known_key(key) for key in one.keys), conferred=one.conferred
    )
