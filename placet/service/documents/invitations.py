"""Invitations to register a passkey, and what becomes of them. Nothing of an invitation entitles anybody.

An administrator invites a name, on terms; whoever has the link registers a passkey; an administrator signs its
enrolment. Only this last document counts, like any enrolment (docs/adr/0016). The rows are sealed, so that whoever
writes rows changes neither the terms nor the passkey between the invitation and the signature. The administrator sees
both in what they sign, and compares the key's fingerprint with the person.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final, NamedTuple

from pydantic import Field, SecretStr, StrictInt, ValidationError

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.base import Frozen, PersonName
from placet.contracts.money import Bound, Money, parse_money
from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey, RoleName
from placet.contracts.people.passkey import EnrolmentRequest, decoded_key
from placet.contracts.times import rfc3339
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.seals import Sealer
from placet.governance.signing.signed import document_statement
from placet.service.documents.keys import draft_enrolment
from placet.service.given import checked, person
from placet.service.keeping.tenant_record import check_same_body, vouched
from placet.storage.console.invitations import InvitationRow
from placet.storage.database import Database
from placet.storage.transaction import Transaction

PATH: Final = "/console/join/"
"""Where the console answers the link of an invitation: this, and then its code."""

LASTS: Final = timedelta(days=3)
KEPT: Final = timedelta(days=30)
"""What was registered and nobody signed for by then is forgotten; the record keeps that it was."""

GONE: Final = "invitation_gone"
USED: Final = "invitation_used"
USUAL_DAYS: Final = 365
LONGEST_DAYS: Final = 3650
_MOST_LISTED: Final = 200
_MADE: Final = "invitation.made"
_ANSWERED: Final = "invitation.answered"
_WITHDRAWN: Final = "invitation.withdrawn"


Days = Annotated[StrictInt, Field(ge=1, le=LONGEST_DAYS)]


class Terms(Frozen):
    """On what terms somebody is invited."""

    name: PersonName
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=20)]
    limit: Bound | None
    days: Days


class Invitation(NamedTuple):
    """One invitation as it holds.

    Attributes:
        request: What was registered; None until it was.
        enrolled: Whether the passkey was enrolled since.
    """

    invitation_id: str
    terms: Terms
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    request: EnrolmentRequest | None
    enrolled: bool


class Invitations:
    """The invitations of one tenant.

    Args:
        database: Where they are kept.
        tenant: Whose.
        secret: The installation's own token, from which the key of the seals is derived.
        clock: The time.
    """

    def __init__(self, database: Database, tenant: str, secret: SecretStr, clock: Callable[[], datetime]) -> None:
        self._database, self._tenant, self._clock = database, tenant, clock
        self._sealer = Sealer(secret, "invitation")
        self._browsers = Sealer(secret, "invited browser")
        self._codes = Sealer(secret, "invitation code")

    def invite(
        self, *, name: str, roles: tuple[str, ...], limit: str, days: int, by: str, voucher: Voucher | None, key: str
    ) -> str:
        """Invite somebody; returns the code of the link, which is kept nowhere.

        Args:
            name: Who.
            roles: What their key will entitle to decide as.
            limit: The largest cost they may decide, such as `200.00 USD`; empty: nothing that costs.
            days: How long their key will count.
            by: The administrator.
            voucher: What vouches for the administrator's name.
            key: The same key is the same invitation, however often the form is sent.

        Raises:
            UsageError: a value is malformed. Code `already_invited`: this form was sent before, with other terms, or
                its link was used or withdrawn since.
        """
        try:
            amount = parse_money(limit) if limit else None
        except ValueError as error:
            raise UsageError(f"limit: {error}", code="malformed") from error
        with checked():
            terms = Terms(name=name, roles=roles, limit=amount, days=days)
        event, code = self._made(terms, person(by), voucher, key)
        return self._again(event, terms, by, key) if code is None else code

    def _again(self, event: AuditEvent, terms: Terms, by: str, key: str) -> str:
        """Return the link's code to whoever sent the same form twice; nobody else knows its key."""
        asked, code = terms.model_dump(mode="json"), self._code(key)
        same = (event.actor, {name: event.body.get(name) for name in asked}) == (by, asked)
        with self._database.reading() as tx:
            row = tx.invitations.by_code(self._tenant, _digest(code))
            waits = row is not None and (found := self._read(row, tx)) is not None and found.request is None
        if not same or not waits:
            raise UsageError("this invitation was made already; its link was shown once", code="already_invited")
        return code

    def _code(self, key: str) -> str:
        """Derive the code of a link from the key of its form: it is kept nowhere, and a form sent twice is one link."""
        return urlsafe_b64encode(self._codes.seal([self._tenant, key])).decode().rstrip("=")

    def invite_once(
        self, terms: Terms, *, by: str, voucher: Voucher | None, key: str | None
    ) -> tuple[Invitation, str | None]:
        """Invite somebody on terms; returns the invitation, and the code of its link.

        The code is None where the same key made the invitation before: it was shown once, and is kept nowhere.

        Args:
            terms: Whom, and as what.
            by: The administrator.
            voucher: What vouches for the administrator's name.
            key: The same key of a tenant is the same invitation, however often it is asked for; None: each time
                another one.

        Raises:
            UsageError: `by` is malformed. Code `idempotency_conflict`: the key stands for another invitation.
        """
        event, code = self._made(terms, person(by), voucher, key or secrets.token_hex(16))
        asked = terms.model_dump(mode="json")
        check_same_body((event.actor, {name: event.body.get(name) for name in asked}), (by, asked))
        expires_at = datetime.fromisoformat(str(event.body["expires_at"]))
        invitation_id = str(event.body["invitation_id"])
        return Invitation(invitation_id, terms, event.actor, event.at, expires_at, None, enrolled=False), code

    def _made(self, terms: Terms, by: str, voucher: Voucher | None, key: str) -> tuple[AuditEvent, str | None]:
        """Return the entry about an invitation, and the code of its link; None where it was made before.

        The record says whether it was, not the row: an invitation that was withdrawn has no row any more.
        """
        now, code = self._clock(), self._code(key)
        row = InvitationRow(
            tenant=self._tenant,
            invitation_id=sha256(f"{self._tenant}/{key}".encode()).hexdigest()[:16],
            code_sha256=_digest(code),
            name=terms.name,
            roles=" ".join(terms.roles),
            limit_minor=None if terms.limit is None else terms.limit.amount_minor,
            limit_currency=None if terms.limit is None else terms.limit.currency,
            days=terms.days,
            invited_by=by,
            invited_at=now,
            expires_at=now + LASTS,
        )
        body = {"invitation_id": row.invitation_id, **terms.model_dump(mode="json")}
        body["expires_at"] = row.expires_at.isoformat()
        with self._database.transaction() as tx:
            entry = tx.audit.add(
                stream=tenant_stream(self._tenant),
                tenant=self._tenant,
                run_id=None,
                kind=_MADE,
                actor=by,
                step_key=f"{_MADE}.{row.invitation_id}",
                at=now,
                body=vouched(body, voucher),
            )
            if not entry.ours:
                return entry.event, None
            tx.invitations.forget(self._tenant, now - KEPT)
            tx.invitations.add(self._sealed(row))
        return entry.event, code

    def of_code(self, code: str) -> Invitation:
        """Return the invitation of a link, whether it was answered or not.

        Raises:
            UsageError: code `invitation_gone`; whatever is wrong with it, the answer is the same.
        """
        with self._database.reading() as tx:
            row = tx.invitations.by_code(self._tenant, _digest(code))
            found = None if row is None else self._read(row, tx)
        if found is None or (found.request is None and self._clock() >= found.expires_at):
            raise UsageError(
                "This invitation holds no longer, or never did: its link was misread, has expired or was withdrawn. "
                "Ask whoever sent it for another one.",
                code=GONE,
            )
        return found

    def answer(self, code: str, request: EnrolmentRequest) -> None:
        """Keep what the invited person registered, once.

        Raises:
            UsageError: code `invitation_gone`; the link holds no longer. Code `invitation_used`; somebody registered
                with it already.
        """
        invitation, now = self.of_code(code), self._clock()
        if request.name != invitation.terms.name:
            raise UsageError("the passkey was registered under another name than was invited")
        with self._database.transaction() as tx:
            row = tx.invitations.get(self._tenant, invitation.invitation_id)
            if row is None or self._read(row, tx) is None:
                raise _used()
            answered = self._sealed(row.model_copy(update={"request": request.model_dump_json()}))
            if not tx.invitations.answer(answered):
                raise _used()
            body = {"invitation_id": row.invitation_id, "name": row.name, "key_id": request.key_id}
            tx.record_act(self._tenant, _ANSWERED, "unverified", now, row.invitation_id, body)

    def registrant(self, invitation_id: str, request: EnrolmentRequest) -> str:
        """Return what the browser that registered keeps, by which it is told from every other one with the link."""
        return self._browsers.seal([self._tenant, invitation_id, request.key_id]).hex()

    def was_registrant(self, invitation: Invitation, kept: str | None) -> bool:
        """Return whether what a browser kept says that it registered what this invitation was answered with."""
        if invitation.request is None or kept is None:
            return False
        try:
            seal = bytes.fromhex(kept)
        except ValueError:
            return False
        return self._browsers.holds([self._tenant, invitation.invitation_id, invitation.request.key_id], seal)

    def listed(self, *, after: str | None = None, limit: int = _MOST_LISTED) -> tuple[Invitation, ...]:
        """Return what waits, newest first: invitations that hold, and requests that nobody enrolled yet.

        Args:
            after: The invitation that ended the previous page.
            limit: Most that are returned.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        now = self._clock()
        with self._database.reading() as tx:

            def waits(row: InvitationRow) -> Invitation | None:
                one = self._read(row, tx)
                if one is None or one.enrolled or (one.request is None and now >= one.expires_at):
                    return None
                return one

            return tx.invitations.list(self._tenant, waits, after=after, limit=limit)

    def get(self, invitation_id: str) -> Invitation:
        """Return one invitation by its id.

        Raises:
            UsageError: code `invitation_gone`; there is none whose seal holds.
        """
        with self._database.reading() as tx:
            row = tx.invitations.get(self._tenant, invitation_id)
            found = None if row is None else self._read(row, tx)
        if found is None:
            raise UsageError("there is no such invitation any more", code=GONE)
        return found

    def withdraw(self, invitation_id: str, *, by: str, voucher: Voucher | None) -> Invitation:
        """Take an invitation back; what was registered with it can be enrolled no more. Returns it as it was.

        Raises:
            UsageError: code `invitation_gone`. Code `key_already_enrolled`: what was registered is enrolled, and
                counts until its key is revoked.
        """
        invitation, by = self.get(invitation_id), person(by)
        body = vouched({"invitation_id": invitation_id, "name": invitation.terms.name}, voucher)
        with self._database.transaction() as tx:
            if tx.invitations.end(self._tenant, invitation_id):
                tx.record_act(self._tenant, _WITHDRAWN, by, self._clock(), invitation_id, body)
            # Only now: whoever enrolls at the same time waited at the tenant's record, and what they did is seen here.
            if invitation.request is not None and tx.approvers.get(invitation.request.key_id) is not None:
                raise UsageError(
                    f"the passkey of {invitation.terms.name} is enrolled already; revoke the key instead",
                    code="key_already_enrolled",
                )
        return invitation

    def check_asks(self, tx: Transaction, key: EnrolledKey) -> None:
        """Check that an invitation which holds was answered with a key. Ask after the enrolment is recorded.

        Raises:
            DecisionRefused: code `invitation_gone`; it was withdrawn while the enrolment was signed.
        """

        def answered(row: InvitationRow) -> bool | None:
            found = self._read(row, tx)
            return (found is not None and found.request is not None and found.request.key_id == key.key_id) or None

        if not tx.invitations.list(self._tenant, answered, after=None, limit=1):
            raise DecisionRefused(
                f"the invitation of {key.name} was withdrawn meanwhile; nothing was enrolled", code=GONE
            )

    def enrolment_statement(self, invitation_id: str, *, by: str) -> bytes:
        """Return what an administrator signs to enroll what was registered, on the terms of the invitation.

        Raises:
            UsageError: nothing was registered yet, or it is enrolled already.
            DecisionRefused: the key is not an acceptable one.
        """
        invitation, now = self.get(invitation_id), self._clock()
        request, terms = invitation.request, invitation.terms
        if request is None:
            raise UsageError(f"{terms.name} has not registered a passkey yet")
        if invitation.enrolled:
            raise UsageError(f"this passkey of {terms.name} is enrolled already", code="key_already_enrolled")
        enrolment = draft_enrolment(
            name=terms.name,
            tenant=self._tenant,
            roles=terms.roles,
            limit=None if terms.limit is None else str(terms.limit),
            public_key=decoded_key(request.public_key),
            by=by,
            expires_at=now + timedelta(days=terms.days),
            passkey=request.passkey,
        )
        return document_statement(enrolment)

    def _read(self, row: InvitationRow, tx: Transaction) -> Invitation | None:
        """Return what a row says; None where the seal does not hold."""
        if not self._holds(row):
            return None
        withdrawn, answered = (f"{kind}.{row.invitation_id}" for kind in (_WITHDRAWN, _ANSWERED))
        stream = tenant_stream(self._tenant)
        tx.audit.foresee(stream, withdrawn, answered)
        answer = tx.audit.find(stream, answered)
        if tx.audit.find(stream, withdrawn) is not None or (row.request is None) != (answer is None):
            return None  # a row that was put back
        limit = None
        if row.limit_minor is not None and row.limit_currency is not None:
            limit = Money(amount_minor=row.limit_minor, currency=row.limit_currency)
        try:
            terms = Terms(name=row.name, roles=tuple(row.roles.split()), limit=limit, days=row.days)
            request = None if row.request is None else EnrolmentRequest.model_validate_json(row.request)
        except ValidationError:
            return None  # of another version
        if request is not None and answer is not None and answer.body.get("key_id") != request.key_id:
            return None
        enrolled = request is not None and tx.approvers.get(request.key_id) is not None
        return Invitation(
            row.invitation_id, terms, row.invited_by, row.invited_at, row.expires_at, request, enrolled=enrolled
        )

    def _holds(self, row: InvitationRow) -> bool:
        return self._sealer.holds(_fields(row), row.seal)

    def _sealed(self, row: InvitationRow) -> InvitationRow:
        return row.model_copy(update={"seal": self._sealer.seal(_fields(row))})


def _used() -> UsageError:
    return UsageError(
        "Somebody registered with this invitation already. If that was not you, tell whoever invited you.", code=USED
    )


def _digest(code: str) -> bytes:
    return sha256(code.encode("utf-8", "replace")).digest()


def _fields(row: InvitationRow) -> tuple[str | int | None, ...]:
    times = (rfc3339(row.invited_at, "microseconds"), rfc3339(row.expires_at, "microseconds"))
    terms = (row.name, row.roles, row.limit_minor, row.limit_currency, row.days)
    return (row.tenant, row.invitation_id, row.code_sha256.hex(), *terms, row.invited_by, *times, row.request)
