"""Approvers: who may decide, with which keys; inviting somebody, and enrolling what they registered."""

import secrets
import shlex
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.contracts.people.passkey import fingerprint
from placet.errors import PolicyError, UsageError
from placet.governance.policy.authoring.roles import roles_named
from placet.governance.signing.signed import document_statement
from placet.interfaces.console.forms import Filled, Form, amount_of, days_of, in_labels
from placet.interfaces.console.pages.signing.asking import ask_to_sign, required_passkeys
from placet.interfaces.console.pages.signing.own import is_own_key, own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import CONSOLE_ROLES, powers_of
from placet.service.approvers import Approver, list_approvers, public_text
from placet.service.documents.invitations import LONGEST_DAYS, Invitation
from placet.service.documents.keys import draft_revocation

_PAGE: Final = 25
INVITATIONS: Final = 25
"""That wait, on one page, newest first."""
_DAYS: Final = "365"
_MOST_ROLES: Final = 10
_LABELS: Final = {
    "name": "Name",
    "roles": "Other roles",
    "limit": "May decide up to",
    "days": "Days that the key counts",
}
_DONE: Final = {
    "enrolled": "The key counts from now on.",
    "revoked": "The key decides nothing from now on.",
    "withdrawn": "The invitation is withdrawn.",
}


def show(asked: Asked) -> Response:
    """List the people with their keys, and what waits for a signature."""
    return _page(asked)


def invite(asked: Asked, form: Form) -> Response:
    """Invite somebody; the link is on this very page, and nowhere else."""
    chosen = [role for role in (*_asked_roles(asked), *CONSOLE_ROLES) if form.text(f"role-{role}")]
    roles = tuple(dict.fromkeys([*chosen, *form.text("roles").replace(",", " ").split()]))
    if not roles:
        fault = "They decide as: tick at least one role, or one of what they may here."
        return _page(asked, fault=fault, filled=Filled.of(form))
    try:
        with in_labels(_LABELS):
            code = asked.parts.invitations.invite(
                name=form.text("name"),
                roles=roles,
                limit=str(amount_of(form.text("limit"), _LABELS["limit"])) if form.text("limit") else "",
                days=days_of(form, _LABELS["days"], LONGEST_DAYS),
                by=asked.visitor.name,
                voucher=asked.visitor.voucher,
                key=form.text("key"),
            )
    except UsageError as error:
        return _page(asked, fault=str(error), filled=Filled.of(form))
    origin = asked.party.origin if asked.party else asked.address
    return _page(asked, link=f"{origin}{ROOT}/join/{code}", invited=form.text("name"))


def enroll(asked: Asked, form: Form) -> Response:  # noqa: ARG001 - every form is taken so
    """Ask the administrator to sign the enrolment of what was registered."""
    required_passkeys(asked)
    invitation_id = asked.request.path_params["invitation"]
    return ask_to_sign(asked, asked.parts.invitations.enrolment_statement(invitation_id, by=asked.visitor.name))


def withdraw(asked: Asked, form: Form) -> Response:  # noqa: ARG001 - every form is taken so
    """Take an invitation back."""
    visitor = asked.visitor
    asked.parts.invitations.withdraw(asked.request.path_params["invitation"], by=visitor.name, voucher=visitor.voucher)
    return asked.lead("/approvers", "done", "withdrawn")


def revoke(asked: Asked, form: Form) -> Response:
    """Ask the administrator to sign that a key is withdrawn."""
    required_passkeys(asked)
    served, key_id = asked.parts.served, asked.request.path_params["key_id"]
    with served.database.reading() as tx:
        if tx.approvers.tenant_of(key_id) != served.tenant:
            raise UsageError("there is no such key", code="unknown_key")
    revocation = draft_revocation(
        tenant=served.tenant, key_id=key_id, by=asked.visitor.name, reason=form.text("reason")
    )
    return ask_to_sign(asked, document_statement(revocation))


def revoke_own(asked: Asked, form: Form) -> Response:
    """Ask somebody to sign that a key of their own is withdrawn; it takes no administrator.

    Raises:
        UsageError: code `unknown_key`; the key is not theirs.
    """
    if not is_own_key(asked, asked.request.path_params["key_id"]):
        raise UsageError("there is no such key of yours", code="unknown_key")
    return revoke(asked, form)


def request_file(asked: Asked) -> Response:
    """Give the enrolment request of an invitation, for `placet keys enroll`."""
    request = asked.parts.invitations.get(asked.request.path_params["invitation"]).request
    if request is None:
        raise UsageError("nobody has registered with this invitation yet", code="invitation_gone")
    headers = {"Content-Disposition": f'attachment; filename="{request.name}.json"'}
    return Response(request.model_dump_json() + "\n", media_type="application/json", headers=headers)


def public_file(asked: Asked) -> Response:
    """Give an enrolled public key, which verifies its signatures offline (`placet replay --key`).

    Whoever has the file trusts it, and nobody vouches for the name of a key whose enrolment does not verify.
    """
    served = asked.parts.served
    with served.database.reading() as tx:
        key = tx.approvers.get(asked.request.path_params["key_id"])
    if key is None or key.tenant != served.tenant:
        raise UsageError("there is no such key, or its enrolment does not verify", code="unknown_key")
    name = f"{key.name}.{'json' if key.passkey else 'pub'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(public_text(key), media_type="application/octet-stream", headers=headers)


def _page(
    asked: Asked, *, link: str = "", invited: str = "", fault: str = "", filled: Filled | None = None
) -> Response:
    served, after = asked.parts.served, asked.query("after") or ""
    people = list_approvers(served.database, served.tenant, asked.now, after=after, limit=_PAGE + 1)
    may_enroll = asked.may("deliver", "keys")
    older = asked.query("invited_after")
    found = asked.parts.invitations.listed(after=older, limit=INVITATIONS + 1) if may_enroll else ()
    waiting = found[:INVITATIONS]
    following = urlencode({"after": people[_PAGE - 1].name}) if len(people) > _PAGE else ""
    return asked.page(
        "keys/approvers.html",
        422 if fault else 200,
        people=people[:_PAGE],
        following=following,
        later=bool(after),
        waiting=waiting,
        more_invited=urlencode({"invited_after": waiting[-1].invitation_id}) if len(found) > INVITATIONS else "",
        later_invited=older is not None,
        powers={one.invitation_id: powers_of(one.terms.roles) for one in waiting},
        commands={one.invitation_id: _command(one) for one in waiting},
        may_enroll=may_enroll,
        may_tokens=asked.may("read", "tokens"),
        can_sign=may_enroll and bool(own_passkeys(asked)),
        asked_roles=_asked_roles(asked),
        console_roles=CONSOLE_ROLES.items(),
        revocable=_revocable(asked, people[:_PAGE]),
        fingerprint=fingerprint,
        key=secrets.token_hex(12),
        link=link,
        invited=invited,
        only_here=bool(link) and "//localhost" in link,
        fault=fault,
        filled=filled or Filled(days=_DAYS),
        done=_DONE.get(asked.note("done") or "", ""),
    )


def _revocable(asked: Asked, people: Sequence[Approver]) -> frozenset[str]:
    """Return the ids of the visitor's own keys that one of their passkeys here may withdraw."""
    usable = {key.key_id for key in own_passkeys(asked)}
    own = [listed for one in people if one.name == asked.visitor.name for listed in one.keys]
    return frozenset(
        listed.key_id
        for listed in own
        if usable
        and listed.key is not None
        and (listed.key_id in usable or ADMINISTRATOR not in listed.key.roles or asked.may("deliver", "keys"))
    )


def _command(invitation: Invitation) -> str:
    terms = invitation.terms
    words: list[Any] = ["placet", "keys", "enroll", terms.name, "--public", f"{terms.name}.json"]
    for role in terms.roles:
        words += ["--role", role]
    if terms.limit is not None:
        words += ["--limit", str(terms.limit)]
    return shlex.join([*words, "--days", str(terms.days), "--as"]) + " ADMINISTRATOR"


def _asked_roles(asked: Asked) -> list[str]:
    """Return the roles that policies name; none where the policies are not in order."""
    try:
        sets = asked.parts.served.all_policies().values()
        return sorted({role for one in sets for role in roles_named(one.files)})[:_MOST_ROLES]
    except PolicyError:
        return []
