"""What every interface does with tokens for the HTTP API: issue one, list them, withdraw one, know who presents one.

There is no table: a token is the entry `token.issued` of the tenant's stream and the signed document that it names, a
withdrawal is `token.revoked`. Whoever writes rows can withdraw a token by that, and issue none.
"""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Final, NamedTuple

from pydantic import ValidationError

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.people.access import MOST_GRANTS, AccessGrant, AccessRole, Identity, KnownToken, Voucher
from placet.contracts.text import NAME, shortened
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.governance.access.identities import named
from placet.governance.access.tokens import NewToken, check_not_expired, new_token, presents, token_id_of, verify_grant
from placet.governance.signing.keys import Signer
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document
from placet.service.documents.keys import check_administrators
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import Said, take_document, vouched
from placet.storage.database import Database
from placet.storage.sql.paging import unknown_cursor
from placet.storage.transaction import Transaction

ISSUED: Final = "token.issued"
REVOKED: Final = "token.revoked"
_PAGE = 100
_ID = re.compile(r"[0-9a-f]{16}")


class Issued(NamedTuple):
    """A token and what was signed for it. `text` is shown to whom it is for, once: it is kept nowhere."""

    text: str
    grant: AccessGrant


def issue_token(
    database: Database,
    *,
    tenant: str,
    name: str,
    roles: tuple[AccessRole, ...],
    days: int,
    by: Signer,
    reason: str = "",
) -> Issued:
    """Make a token, sign that requests with it are `name`'s, and take that on the record.

    Args:
        database: Where the record is.
        tenant: Whose API it opens.
        name: The person or system it is for.
        roles: What they may do with it (`placet/governance/access/access.cedar`).
        days: Until it expires.
        by: An administrator.
        reason: Kept on the record.

    Raises:
        UsageError: a value is malformed.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: `by` is no administrator.
    """
    token = new_token()
    grant = draft_token(token, tenant=tenant, name=name, roles=roles, days=days, by=by.name, reason=reason)
    take_grant(database, sign_document(grant, by.key.private, by.key.key_id), tenant=tenant)
    return Issued(token.text, grant)


def draft_token(
    token: NewToken, *, tenant: str, name: str, roles: tuple[AccessRole, ...], days: int, by: str, reason: str
) -> AccessGrant:
    """Return what an administrator signs so that requests with `token` are `name`'s; see `issue_token`.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return _grant(tenant, name, roles, days, by, reason, token.token_id, token.sha256)


def grant_identity(
    database: Database,
    *,
    tenant: str,
    issuer: str,
    subject: str,
    name: str,
    roles: tuple[AccessRole, ...],
    days: int,
    by: Signer,
    reason: str = "",
) -> AccessGrant:
    """Sign that whoever an identity provider knows as `subject` is `name`, and take that on the record.

    Args:
        database: Where the record is.
        tenant: Whose console it opens.
        issuer: The provider, as it names itself.
        subject: The person, as the provider names them.
        name: The person, as the record names them.
        roles: What they may do (`placet/governance/access/access.cedar`).
        days: Until it expires.
        by: An administrator.
        reason: Kept on the record.

    Raises:
        UsageError: a value is malformed.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: `by` is no administrator.
    """
    grant = draft_identity_grant(
        database,
        tenant=tenant,
        issuer=issuer,
        subject=subject,
        name=name,
        roles=roles,
        days=days,
        by=by.name,
        reason=reason,
    )
    return take_grant(database, sign_document(grant, by.key.private, by.key.key_id), tenant=tenant)


def draft_identity_grant(
    database: Database,
    *,
    tenant: str,
    issuer: str,
    subject: str,
    name: str,
    roles: tuple[AccessRole, ...],
    days: int,
    by: str,
    reason: str,
) -> AccessGrant:
    """Return what an administrator signs so that somebody signs in by a provider; see `grant_identity`.

    Raises:
        UsageError: a value is malformed, or this identity was granted too often.
    """
    with checked():
        identity = Identity(issuer=issuer, subject=subject)
        with database.reading() as tx:
            numbered = _numbered(identity)
            unused = next((one for one in numbered if _issued(tx, tenant, named(one).token_id) is None), None)
        if unused is None:
            raise UsageError("this identity was granted too often; give the person another subject", code="too_many")
        return _grant(tenant, name, roles, days, by, reason, *named(unused), identity=unused)


def _grant(
    tenant: str,
    name: str,
    roles: tuple[AccessRole, ...],
    days: int,
    signer: str,
    reason: str,
    token_id: str,
    sha256: str,
    identity: Identity | None = None,
) -> AccessGrant:
    now = datetime.now(UTC)
    return AccessGrant(
        tenant=tenant,
        signer=signer,
        signed_at=now,
        document_id=secrets.token_hex(16),
        reason=reason,
        name=name,
        roles=roles,
        token_id=token_id,
        token_sha256=sha256,
        expires_at=now + timedelta(days=days),
        identity=identity,
    )


def take_grant(database: Database, envelope: str, *, tenant: str) -> AccessGrant:
    """Put a signed grant on the record: from now on its token opens the API. The same one again changes nothing.

    Raises:
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: the document does not count. The attempt is on the record as well.
        UsageError: code `already_revoked`; its token was withdrawn, and stays so.
    """
    check_administrators(database.trust, tenant)
    return take_document(database, tenant, envelope, "token.refused", _take)


def revoke_token(
    database: Database, *, tenant: str, token_id: str, by: str, reason: str = "", vouched_by: Voucher | None = None
) -> KnownToken:
    """Withdraw a token, named by an unambiguous beginning of its id: from now on it opens nothing.

    Args:
        database: Where the record is.
        tenant: Whose token it is.
        token_id: Which.
        by: Who withdraws it.
        reason: Kept on the record.
        vouched_by: The token or passkey that vouches for who withdraws it, where one does.

    Raises:
        UsageError: no token, or several, match; or a value is malformed.
    """
    said = Said.read(by, reason)
    with database.transaction() as tx:
        now = datetime.now(UTC)
        known = _named(tx, tenant, token_id, now)
        found = only_one(known, token_id, "token", tenant, see="placet token list", code="unknown_token")
        body = {"token_id": found.token_id, "name": found.name, "reason": said.reason}
        tx.record_act(tenant, REVOKED, said.by, now, found.token_id, vouched(body, vouched_by))
        return _judged(tx, tenant, found.token_id, now)


def list_tokens(
    database: Database, tenant: str, *, after: str | None = None, limit: int | None = None
) -> tuple[KnownToken, ...]:
    """Return the tokens that were issued, oldest first: those that open the API, and why others do not.

    Args:
        database: Where the record is.
        tenant: Whose tokens.
        after: The token that ended the previous page.
        limit: Most that are returned; None: all.

    Raises:
        UsageError: code `unknown_cursor`.
    """
    with database.reading() as tx:
        last = None if after is None else tx.audit.find(tenant_stream(tenant), f"{ISSUED}.{after}")
        if after is not None and last is None:
            raise unknown_cursor(after)
        known = _known(tx, tenant, datetime.now(UTC), after=0 if last is None else last.seq)
        return tuple(islice(known, limit))


def holder_of(database: Database, tenant: str, text: str, now: datetime) -> AccessGrant | None:
    """Return what the presented token grants; None where it opens nothing, for whatever reason."""
    token_id = token_id_of(text)
    if token_id is None:
        return None
    grant = grant_of(database, tenant, token_id, now)
    return grant if grant is not None and presents(grant, text) else None


def grant_of(database: Database, tenant: str, token_id: str, now: datetime) -> AccessGrant | None:
    """Return what a token grants now; None where it opens nothing. Whoever asks knows that it was presented."""
    if not _ID.fullmatch(token_id):
        return None
    with database.reading() as tx:
        known = _judged(tx, tenant, token_id, now)
    return None if known.fault or known.revoked_at is not None else known.grant


def standing_grant(database: Database, tenant: str, token_id: str, now: datetime) -> AccessGrant | None:
    """Return what somebody who signed in by a grant may do now; None where it counts no more.

    Of an identity, the newest grant alone counts: a later one, or its withdrawal, ends the sessions of the earlier.
    """
    grant = grant_of(database, tenant, token_id, now)
    if grant is None or grant.identity is None:
        return grant
    newest = grant_of_identity(database, tenant, grant.identity.issuer, grant.identity.subject, now)
    return grant if newest is not None and newest.token_id == grant.token_id else None


def grant_of_identity(database: Database, tenant: str, issuer: str, subject: str, now: datetime) -> AccessGrant | None:
    """Return what counts now for whom a provider says that it is; None where nothing does. The newest grant counts."""
    try:
        identity = Identity(issuer=issuer, subject=subject)
    except ValidationError:
        return None
    ids = (named(one).token_id for one in _numbered(identity))
    with database.reading() as tx:
        issued = takewhile(lambda token_id: _issued(tx, tenant, token_id) is not None, ids)
        newest = max(enumerate(issued), default=None)
    return None if newest is None else grant_of(database, tenant, newest[1], now)


def _numbered(identity: Identity) -> Iterator[Identity]:
    return (identity.model_copy(update={"number": number}) for number in range(MOST_GRANTS))


def _issued(tx: Transaction, tenant: str, token_id: str) -> AuditEvent | None:
    return tx.audit.find(tenant_stream(tenant), f"{ISSUED}.{token_id}")


def _take(tx: Transaction, text: str, tenant: str, now: datetime) -> AccessGrant:
    grant = verify_grant(text, tenant=tenant, now=now, find_key=tx.approvers.get)
    check_not_expired(grant, now)
    if tx.audit.find(tenant_stream(tenant), f"{REVOKED}.{grant.token_id}") is not None:
        raise UsageError(f"token {grant.token_id} was revoked; issue a new one", code="already_revoked")
    document = tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    terms = grant.model_dump(mode="json", include={"name", "roles", "token_id", "expires_at", "reason", "identity"})
    entry = tx.record_act(tenant, ISSUED, grant.signer, now, grant.token_id, {**terms, "document": document})
    if entry.body.get("document") != document:
        raise DecisionRefused("another token has this id; issue a new one", code="duplicate")
    return grant


def _known(tx: Transaction, tenant: str, now: datetime, *, after: int = 0) -> Iterator[KnownToken]:
    """List the tokens of a tenant, oldest first, from the one after entry `after` of its stream on."""
    while True:
        page = tx.audit.of_kind(tenant_stream(tenant), ISSUED, after=after, limit=_PAGE)
        for event in page:
            token_id = event.step_key.removeprefix(f"{ISSUED}.")
            if _ID.fullmatch(token_id):  # no other entry of this kind is ever asked for
                yield _judged(tx, tenant, token_id, now)
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _named(tx: Transaction, tenant: str, token_id: str, now: datetime) -> list[KnownToken]:
    """Return the tokens whose id begins so. One that is named in full is found whatever else stands on the record."""
    if not _ID.fullmatch(token_id):
        return [one for one in _known(tx, tenant, now) if one.token_id.startswith(token_id)]
    issued = tx.audit.find(tenant_stream(tenant), f"{ISSUED}.{token_id}")
    return [] if issued is None else [_judged(tx, tenant, token_id, now)]


def _judged(tx: Transaction, tenant: str, token_id: str, now: datetime) -> KnownToken:
    """Return one token as the record has it, its document verified now."""
    stream = tenant_stream(tenant)
    tx.audit.foresee(stream, f"{ISSUED}.{token_id}", f"{REVOKED}.{token_id}")
    issued = tx.audit.find(stream, f"{ISSUED}.{token_id}")
    revoked = tx.audit.find(stream, f"{REVOKED}.{token_id}")
    if issued is None:
        return KnownToken(token_id=token_id, name="", grant=None, fault="it was never issued")
    grant, fault = None, ""
    try:
        text = tx.artifacts.get(str(issued.body.get("document")), tenant=tenant).decode(errors="replace")
        grant = verify_grant(text, tenant=tenant, now=now, find_key=tx.approvers.get)
        if grant.token_id != token_id:
            grant = None
            raise DecisionRefused("its document is another token's", code="wrong_subject")
        check_not_expired(grant, now)
    except (GovernanceError, UsageError) as error:
        fault = str(error)
    claimed = shortened(str(issued.body.get("name", "")), NAME)
    return KnownToken(
        token_id=token_id,
        name=claimed if grant is None else grant.name,
        grant=grant,
        fault=fault,
        revoked_by=None if revoked is None else revoked.actor,
        revoked_at=None if revoked is None else revoked.at,
    )
