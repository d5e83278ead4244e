"""`/v1/tokens`: who may use this API, in whose name, for what, until when. Administrators sign the grants."""

from typing import Annotated

from fastapi import APIRouter, Path

from placet.contracts.base import Frozen
from placet.contracts.people.access import AccessGrant, KnownToken
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.common import Signed, Why, text_of
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.access import list_tokens, revoke_token, take_grant

TokenPrefix = Annotated[str, Path(pattern=r"^[0-9a-f]{4,16}$", description="its id, or an unambiguous beginning of it")]


class Tokens(Frozen):
    """A page of the tokens that were issued: those that open the API, and why others do not."""

    tokens: tuple[KnownToken, ...]
    next: str | None


class TokenEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
        router.add_api_route("", self.list_issued, methods=["GET"])
        router.add_api_route("", self.take, **posts("deliver"), status_code=201)
        router.add_api_route("/{token_id}/revoke", self.revoke, **posts("withdraw"))
        return router

    def list_issued(self, after: After = None, limit: Limit = DEFAULT) -> Tokens:
        """List every token, oldest first, without its secret, which is kept nowhere."""
        found = list_tokens(self._served.database, self._served.tenant, after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.token_id)
        return Tokens(tokens=shown, next=following)

    def take(self, envelope: Signed) -> AccessGrant:
        """Put a grant that an administrator signed on the record: from now on its token opens this API."""
        return take_grant(self._served.database, text_of(envelope), tenant=self._served.tenant)

    def revoke(self, token_id: TokenPrefix, why: Why, operator: Operator) -> KnownToken:
        """Revoke a token: from now on it opens nothing."""
        served = self._served
        return revoke_token(
            served.database,
            tenant=served.tenant,
            token_id=token_id,
            by=operator.name,
            reason=why.reason,
            vouched_by=operator.token_id,
        )
