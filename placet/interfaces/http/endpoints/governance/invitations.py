"""`/v1/keys/invitations`: inviting people to register a passkey. An administrator's signature enrolls it."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime

from placet.contracts.base import Frozen
from placet.contracts.money import Bound
from placet.contracts.people.passkey import EnrolmentRequest
from placet.errors import ConfigurationError
from placet.interfaces.http.access import Operator, posts, shows
from placet.interfaces.http.endpoints.once import OnceKey
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.invitations import PATH, USUAL_DAYS, Days, Invitation, Invitations, Terms

InvitationId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="the id, as the list shows it")]


# Built at once: FastAPI looks into a body before pydantic would build it, and complains.
class InvitationOrder(Terms, defer_build=False):
    """Invite somebody. Without a limit their key will decide nothing that costs; `days`: how long it will count."""

    limit: Bound | None = None
    days: Days = USUAL_DAYS


class PendingInvitation(Frozen):
    """An invitation that waits to be answered, or for an administrator's signature.

    Attributes:
        request: What was registered, to be enrolled on these terms; None until it was.
    """

    invitation_id: str
    terms: Terms
    invited_by: str
    invited_at: AwareDatetime
    expires_at: AwareDatetime
    request: EnrolmentRequest | None


class InvitationMade(PendingInvitation):
    """An invitation as it was made.

    Attributes:
        path: Of its link, below the address of the console. It is shown once: null where the same key made the
            invitation before.
    """

    path: str | None


class PendingInvitations(Frozen):
    """A page of the invitations, newest first."""

    invitations: tuple[PendingInvitation, ...]
    next: str | None


_AGAIN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": InvitationMade, "description": "The same key made it before; its link is not shown again."}
}


class InvitationEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/keys/invitations", tags=["keys"])
        router.add_api_route("", self.list_invitations, **shows("deliver"))
        router.add_api_route("", self.invite, **posts("deliver"), status_code=201, responses=_AGAIN)
        router.add_api_route("/{invitation_id}/withdraw", self.withdraw_invitation, **posts("deliver"))
        return router

    def list_invitations(self, after: After = None, limit: Limit = DEFAULT) -> PendingInvitations:
        """List what waits: invitations that hold, and registered passkeys that nobody enrolled yet. Newest first."""
        found = self._invitations.listed(after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.invitation_id)
        return PendingInvitations(invitations=tuple(PendingInvitation(**_told(one)) for one in shown), next=following)

    def invite(self, order: InvitationOrder, operator: Operator, once: OnceKey, response: Response) -> InvitationMade:
        """Invite somebody: 201 with the path of a link by which they register a passkey, once, within three days.

        The link alone entitles to nothing: compare the fingerprint of what was registered, and sign its enrolment.
        200 where the same key made the invitation before.
        """
        made, code = self._invitations.invite_once(
            Terms(**dict(order)), by=operator.name, voucher=operator.token_id, key=once
        )
        response.status_code = 201 if code else 200
        return InvitationMade(**_told(made), path=None if code is None else f"{PATH}{code}")

    def withdraw_invitation(self, invitation_id: InvitationId, operator: Operator) -> PendingInvitation:
        """Withdraw an invitation: what was registered with it can be enrolled no more."""
        withdrawn = self._invitations.withdraw(invitation_id, by=operator.name, voucher=operator.token_id)
        return PendingInvitation(**_told(withdrawn))

    @property
    def _invitations(self) -> Invitations:
        if self._served.invitations is None:
            raise ConfigurationError("this API was given nothing to seal invitations with")
        return self._served.invitations


def _told(invitation: Invitation) -> dict[str, Any]:
    fields = invitation._asdict()
    del fields["enrolled"]
    return fields
