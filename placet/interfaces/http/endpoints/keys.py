"""`/v1/keys`: whose signatures count. Enrolment and revocation are documents that an administrator signs."""

from fastapi import APIRouter

from placet.contracts.base import Digest, Frozen
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import Revocation
from placet.governance.signing.signed import unverified_document
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.common import Signed, text_of
from placet.interfaces.http.served import Served
from placet.service.documents.keys import take_enrolment, take_revocation
from placet.storage.governance.approvers import ListedKey


class KnownKey(Frozen):
    """A key as our table lists it.

    Attributes:
        key: What is enrolled; None where the row cannot be read.
        fault: Why it counts for nothing although it was not revoked; empty where its enrolment verifies.
    """

    key_id: str
    name: str
    key: EnrolledKey | None
    fault: str


class Keys(Frozen):
    """Every key: valid, revoked, and those whose enrolment does not verify."""

    keys: tuple[KnownKey, ...]


class KeyRevoked(Frozen):
    """The key decides nothing from now on, not even what it signed and is not yet executed."""

    key_id: Digest


class KeyEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/keys", tags=["keys"])
        router.add_api_route("", self.list_keys, methods=["GET"])
        router.add_api_route("", self.enroll, **posts("deliver"), status_code=201)
        router.add_api_route("/revocations", self.revoke, **posts("deliver"), status_code=201)
        return router

    def list_keys(self) -> Keys:
        """List every key, and why one counts for nothing."""
        with self._served.database.reading() as tx:
            return Keys(keys=tuple(_known(one) for one in tx.approvers.listed(self._served.tenant)))

    def enroll(self, envelope: Signed) -> EnrolledKey:
        """Enroll the key that a signed document of an administrator is about."""
        return take_enrolment(self._served.database, text_of(envelope), tenant=self._served.tenant)

    def revoke(self, envelope: Signed) -> KeyRevoked:
        """Revoke the key that a signed document is about: an administrator's, or one signed with the key itself."""
        text = text_of(envelope)
        take_revocation(self._served.database, text, tenant=self._served.tenant)
        return KeyRevoked(key_id=unverified_document(text, Revocation)[0].key_id)


def _known(listed: ListedKey) -> KnownKey:
    return KnownKey(key_id=listed.key_id, name=listed.name, key=listed.key, fault=listed.fault or "")
