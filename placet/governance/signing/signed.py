"""Documents that a person signs beside decisions: enrolments, mandates, delegations, lifted halts, batches.

Each is the predicate of an in-toto statement whose subject is the SHA-256 of the document's own RFC 8785 form, in a
DSSE envelope. The predicate type is part of what is signed, so that no document can stand for one of another kind.

Invariants, in the order they are checked:
 (1) the envelope is a DSSE envelope over an in-toto statement of this kind, within the size limit;
 (2) the signing key is enrolled for this tenant, not revoked, not expired, and the signature is its own;
 (3) the subject is the digest of the document;
 (4) the document is of this tenant, and its signer is the person the key belongs to;
 (5) it was not signed in the future, within the tolerated clock skew.
Whether policy entitles the signer, and single use, are the caller's to ask.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.people.access import AccessGrant
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.batch import Batch
from placet.contracts.people.decision import MAX_ENVELOPE_BYTES
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.enrolment import Enrolment, Revocation
from placet.contracts.people.halt import Lift
from placet.contracts.people.mandate import Mandate
from placet.contracts.people.merge import Merge, Split
from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.people.signed import SignedDocument
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW, check_key
from placet.governance.signing import dsse
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.governance.signing.statement import STATEMENT_TYPE

D = TypeVar("D", bound=SignedDocument)

DOCUMENT_MEDIA_TYPE = "application/vnd.dsse+json"
"""Of a signed document in the artifact store."""

_REMEMBERED: Final = 512
"""Signatures that a process remembers as good: those of the documents in force, which are asked of at each decision."""

_KINDS: dict[type[SignedDocument], str] = {
    Mandate: "mandate",
    Delegation: "delegation",
    Lift: "lift",
    Merge: "merge",
    Split: "split",
    Batch: "batch",
    Enrolment: "enrolment",
    Revocation: "revocation",
    AccessGrant: "access-grant",
    RolloutOrder: "rollout-order",
    PolicySignature: "policy-signature",
}


@dataclass(frozen=True, slots=True)
class Verified(Generic[D]):
    """A document that its signer's key vouches for.

    Attributes:
        digest: SHA-256 of the envelope's text, under which it is kept as an artifact.
    """

    document: D
    key: EnrolledKey
    digest: str


def predicate_type(kind: type[SignedDocument]) -> str:
    """Return the in-toto predicate type of one kind of document."""
    return f"urn:placet:predicate:{_KINDS[kind]}:v1"


def sign_document(document: SignedDocument, key: Ed25519PrivateKey, key_id: str) -> str:
    """Sign `document`; returns the envelope as one line of JSON."""
    return dsse.sign(document_statement(document), key, key_id)


def document_statement(document: SignedDocument) -> bytes:
    """Return the canonical statement bytes that the signer of `document` signs."""
    predicate = document.model_dump(mode="json")
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": _name(document), "digest": {"sha256": sha256_hex(canonical_bytes(predicate))}}],
        "predicateType": predicate_type(type(document)),
        "predicate": predicate,
    }
    return canonical_bytes(statement)


def verify_document(
    text: str, kind: type[D], *, tenant: str, now: datetime, find_key: Callable[[str], EnrolledKey | None]
) -> Verified[D]:
    """Check invariants (1) to (5).

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    check_size(text)
    envelope = dsse.parse(text)
    key_id = envelope.signatures[0].keyid
    key = check_key(find_key(key_id), key_id, tenant, now)
    document = _signed(text, key.public_key, key.passkey, kind)
    if document.tenant != tenant:
        raise DecisionRefused(f"signed for tenant {document.tenant!r}, not {tenant!r}", code="wrong_tenant")
    if document.signer != key.name:
        raise DecisionRefused(
            f"signed with the key of {key.name!r} in the name of {document.signer!r}", code="wrong_person"
        )
    if document.signed_at > now + CLOCK_SKEW:
        raise DecisionRefused(
            f"signed at {moment(document.signed_at)}, which is in the future; set the clock",
            code="clock_skew",
        )
    return Verified(document, key, sha256_hex(text.encode()))


@lru_cache(maxsize=_REMEMBERED)
def _signed(text: str, public_key: str, passkey: Any, kind: type[D]) -> D:
    """Return the document that an envelope's signature vouches for (the signature's part of (2), and (3)).

    The answer follows from these bytes alone, so it is remembered (ADR 0062). Whether the key still counts is asked
    anew by the caller, and what fails is not remembered.
    """
    return read_document(dsse.verify(dsse.parse(text), base64.b64decode(public_key), passkey), kind)


def forget_verified() -> None:
    """Forget all signatures that were remembered as good: for measurements."""
    _signed.cache_clear()


def proven_signer(
    text: str, *, tenant: str, now: datetime, find_key: Callable[[str], EnrolledKey | None]
) -> str | None:
    """Return whose good key signed an envelope, whatever else is wrong with it; None where no signature shows that.

    It says who signed, and not who sent it: what one person signed, another can send again.
    """
    try:
        check_size(text)
        envelope = dsse.parse(text)
        key_id = envelope.signatures[0].keyid
        key = check_key(find_key(key_id), key_id, tenant, now)
        dsse.verify(envelope, base64.b64decode(key.public_key), key.passkey)
    except (DecisionRefused, ValueError, RecursionError):
        return None
    return key.name


def unverified_document(text: str, kind: type[D]) -> tuple[D, str]:
    """Return what an envelope claims, and the key id it names, before anything of it was verified.

    Raises:
        DecisionRefused: it is not an envelope over one document of this kind.
    """
    check_size(text)
    envelope = dsse.parse(text)
    return read_document(dsse.unverified_payload(envelope), kind), envelope.signatures[0].keyid


def check_size(text: str) -> None:
    """Check that an untrusted envelope is text of a size that may be read.

    Raises:
        DecisionRefused: code `too_large`; or `malformed`, it holds what UTF-8 cannot carry (a lone surrogate).
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise DecisionRefused(f"the envelope is not UTF-8 text: {error.reason}", code="malformed") from error
    if size > MAX_ENVELOPE_BYTES:
        raise DecisionRefused(f"the envelope is larger than {MAX_ENVELOPE_BYTES} bytes", code="too_large")


def read_document(payload: bytes, kind: type[D]) -> D:
    """Read a payload as a statement about one document of this kind (invariant 3); its signature is not checked here.

    Raises:
        DecisionRefused: it is something else.
    """
    try:
        statement: dict[str, Any] = json.loads(payload)
        found = (statement["_type"], statement["predicateType"])
        if found != (STATEMENT_TYPE, predicate_type(kind)):
            raise DecisionRefused(
                f"a statement of type {found[1]!r} where {predicate_type(kind)!r} is expected", code="wrong_statement"
            )
        document = kind.model_validate_json(json.dumps(statement["predicate"]))
        (subject,) = statement["subject"]
        signed_for = subject["digest"]["sha256"]
        # Also what is well-formed may have no canonical form: an integer beyond 2^53 - 1 has none.
        own_digest = sha256_hex(canonical_bytes(document.model_dump(mode="json")))
    except ValidationError as error:
        raise DecisionRefused(f"not a {_KINDS[kind]}: {first_fault(error)}", code="malformed_statement") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DecisionRefused(f"not a statement about one {_KINDS[kind]}", code="malformed_statement") from error
    if signed_for != own_digest:
        raise DecisionRefused(f"the statement's subject is not this {_KINDS[kind]}", code="wrong_subject")
    return document


def _name(document: SignedDocument) -> str:
    return f"{document.tenant}/{_KINDS[type(document)]}/{document.document_id}"
