"""`/v1/keys`: whose signatures count. Enrolment and revocation are documents that an administrator signs."""

from fastapi import APIRouter

from placet.contracts.base import Digest, Frozen, PersonName
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import Revocation
from placet.governance.signing.signed import unverified_document
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.common import Signed, text_of
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
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
    """A page of the keys: valid, revoked, and those whose enrolment does not verify."""

    keys: tuple[KnownKey, ...]
    next: str | None


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

    def list_keys(self, name: PersonName | None = None, after: After = None, limit: Limit = DEFAULT) -> Keys:
        """List every key, or one person's, and why one counts for nothing; by person and then by age."""
        with self._served.database.reading() as tx:
            found = tx.approvers.listed(self._served.tenant, name=name, after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.key_id)
        return Keys(keys=tuple(known_key(one) for one in shown), next=following)

    def enroll(self, envelope: Signed) -> EnrolledKey:
        """Enroll the key that a signed document of an administrator is about."""
        return take_enrolment(self._served.database, text_of(envelope), tenant=self._served.tenant)

    def revoke(self, envelope: Signed) -> KeyRevoked:
        """Revoke the key that a signed document is about: an administrator's, or one signed with the key itself."""
        text = text_of(envelope)
        take_revocation(self._served.database, text, tenant=self._served.tenant)
        return KeyRevoked(key_id=unverified_document(text, Revocation)[0].key_id)


def known_key(listed: ListedKey) -> KnownKey:
    """Return a key as it is shown."""
    return KnownKey(key_id=listed.key_id, name=listed.name, key=listed.key, fault=listed.fault or "")
