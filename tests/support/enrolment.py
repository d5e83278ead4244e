"""Enrolment for tests of the storage: an administrator whom a database trusts, and keys that they sign for."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import Enrolment
from placet.governance.signing.keys import Signer, SigningKey, key_id_of, public_bytes
from placet.governance.signing.signed import sign_document
from placet.service.documents.keys import bootstrap_administrator, take_enrolment
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust


def new_signer(name: str = "root") -> Signer:
    """A person with a fresh key."""
    private = Ed25519PrivateKey.generate()
    return Signer(name, SigningKey(private, key_id_of(public_bytes(private.public_key()))))


def trusted(database: Database, folder: Path, *, tenant: str = "demo", name: str = "root") -> Signer:
    """The first administrator of `tenant`, pinned in `folder`, where the database looks from now on."""
    if database.trust.administrators.path is None:
        database.trust = Trust(folder / "administrators")
    signer = new_signer(name)
    bootstrap_administrator(database, tenant=tenant, by=signer)
    return signer


def enrolment_of(key: EnrolledKey, by: Signer) -> str:
    """The signed document that says what `key` says."""
    document = Enrolment(
        tenant=key.tenant,
        signer=by.name,
        signed_at=key.enrolled_at,
        document_id=key.key_id[:32],
        name=key.name,
        roles=key.roles,
        limit=key.limit,
        key_id=key.key_id,
        public_key=key.public_key,
        expires_at=key.expires_at,
        passkey=key.passkey,
    )
    return sign_document(document, by.key.private, by.key.key_id)


def enroll(database: Database, key: EnrolledKey, by: Signer) -> EnrolledKey:
    """Enroll `key` on exactly these terms."""
    return take_enrolment(database, enrolment_of(key, by), tenant=key.tenant)
