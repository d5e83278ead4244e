"""What people do that concerns no single run, on the record of their tenant."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Self, TypeVar

from placet.contracts.audit import RecordKind
from placet.contracts.base import Frozen, PersonName
from placet.contracts.people.access import SignedInBy, Voucher
from placet.contracts.people.signed import Remark
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.counters import use_of
from placet.governance.signing.plain_json import read_json
from placet.governance.signing.signed import proven_signer
from placet.service.given import checked
from placet.storage.database import Database
from placet.storage.governance.counters import check_use, note_use
from placet.storage.transaction import Transaction

T = TypeVar("T")

VOUCHED: Final = "token.vouched"
"""Of the entry that says which token or passkey vouches for who asked for a run."""


def _count(tx: Transaction, tenant: str, text: str, now: datetime) -> None:
    """Check and record the counter of a document that was just verified, where a passkey signed it.

    Raises:
        DecisionRefused: code `counter_rolled_back`.
    """
    envelope = dsse.parse(text)
    key = tx.approvers.get(envelope.signatures[0].keyid)
    if key is None or key.passkey is None:
        return
    predicate = read_json(dsse.unverified_payload(envelope))["predicate"]
    use = use_of(envelope, key.key_id, datetime.fromisoformat(predicate["signed_at"]))
    check_use(tx, tenant, use)
    note_use(tx, tenant, use, key.name, now)


def vouched(body: dict[str, Any], by: Voucher | None) -> dict[str, Any]:
    """Return what is recorded of an act, with the token or passkey that vouches for who did it, where one does."""
    if by is None:
        return body
    return {**body, "passkey": by.key_id} if isinstance(by, SignedInBy) else {**body, "token": by}


def check_same_body(earlier: object, asked: object) -> None:
    """Pass where what was asked for under a key before is what is asked for under it now.

    Raises:
        UsageError: code `idempotency_conflict`.
    """
    if earlier != asked:
        raise UsageError("this Idempotency-Key was used for something else; use another", code="idempotency_conflict")


def _record_refused(
    database: Database, tenant: str, kind: RecordKind, text: str, error: DecisionRefused, at: datetime
) -> None:
    """Record that a signed document did not count. Who sent it is not known; who signed it is, by their good key."""
    with database.transaction() as tx:
        signer = proven_signer(text, tenant=tenant, now=at, find_key=tx.approvers.get)
        body = {"document": sha256_hex(text.encode()), "code": error.code, "detail": str(error), "signer": signer}
        # The same document may come again and be refused for another reason.
        tx.record_act(tenant, kind, "unverified", at, f"{body['document']}.{error.code}", body)


def take_document(
    database: Database,
    tenant: str,
    envelope: str,
    refused: RecordKind,
    take: Callable[[Transaction, str, str, datetime], T],
) -> T:
    """Take a signed document, in one transaction; one that does not count is on the record as `refused`.

    Args:
        database: Where the record is.
        tenant: Whose record it concerns.
        envelope: The signed document, untrusted.
        refused: What the entry says where it does not count.
        take: Verifies the document, given as text that can be kept, for a tenant at a moment, and records what it says.

    Raises:
        DecisionRefused: `take` found that it does not count.
    """
    text, now = _storable(envelope), datetime.now(UTC)
    try:
        with database.transaction() as tx:
            taken = take(tx, text, tenant, now)
            _count(tx, tenant, text, now)
            return taken
    except DecisionRefused as error:
        _record_refused(database, tenant, refused, text, error, now)
        raise


class Said(Frozen):
    """Who acts, and why, as a person states it."""

    by: PersonName
    reason: Remark

    @classmethod
    def read(cls, by: str, reason: str) -> Self:
        """Read who acts, and why.

        Raises:
            UsageError: one is malformed.
        """
        with checked():
            return cls(by=by, reason=reason)


def _storable(envelope: str) -> str:
    """Return `envelope` as text that can be kept, hashed and reviewed: a lone surrogate becomes visible."""
    return envelope.encode("utf-8", "backslashreplace").decode()
