"""`/v1/delegations`: who may decide in another's stead, in which roles, up to what, until when."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path

from placet.contracts.base import Frozen
from placet.contracts.people.delegation import DelegationRecord
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.common import Signed, Why, text_of
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.delegations import fault_of, revoke_delegation, take_delegation

DelegationId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{8,32}$", description="its id, or an unambiguous beginning of it")
]


class ListedDelegation(DelegationRecord):
    """A delegation in a list.

    Attributes:
        fault: Why it confers nothing although it has not ended and was not revoked; empty where it does.
    """

    fault: str


class Delegations(Frozen):
    """A page of the delegations, those that ended or were revoked included."""

    delegations: tuple[ListedDelegation, ...]
    next: str | None


class DelegationEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/delegations", tags=["delegations"])
        router.add_api_route("", self.list_delegations, methods=["GET"])
        router.add_api_route("", self.take, **posts("deliver"), status_code=201)
        router.add_api_route("/{delegation_id}/revoke", self.revoke, **posts("withdraw"))
        return router

    def list_delegations(self, after: After = None, limit: Limit = DEFAULT) -> Delegations:
        """List every delegation, by the date on which it ends, and why one confers nothing."""
        now = datetime.now(UTC)
        with self._served.database.reading() as tx:
            found = tx.delegations.list(self._served.tenant, after=after, limit=limit + 1)
            shown, following = split(found, limit, lambda one: one.delegation.document_id)
            listed = tuple(ListedDelegation(**dict(one), fault=fault_of(tx, one, now)) for one in shown)
        return Delegations(delegations=listed, next=following)

    def take(self, envelope: Signed) -> DelegationRecord:
        """Put a signed delegation in force; the same one again changes nothing."""
        return take_delegation(self._served.database, text_of(envelope), tenant=self._served.tenant)

    def revoke(self, delegation_id: DelegationId, why: Why, operator: Operator) -> DelegationRecord:
        """Revoke a delegation: it confers nothing from now on, not even for what is decided and not yet executed."""
        served = self._served
        return revoke_delegation(
            served.database,
            tenant=served.tenant,
            delegation_id=delegation_id,
            by=operator.name,
            reason=why.reason,
            voucher=operator.token_id,
        )
