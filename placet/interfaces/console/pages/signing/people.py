"""Enrolling and revoking keys of people, signed by an administrator's passkey; a key also by its holder's."""

from typing import Final

from starlette.responses import Response

from placet.contracts.people.enrolment import Enrolment, Revocation
from placet.governance.signing.signed import predicate_type, read_document
from placet.interfaces.console.pages.signing.asking import Kind
from placet.interfaces.console.pages.signing.own import is_own_key
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.statement import ToSign, enrolment_to_sign, revocation_to_sign
from placet.service.approvers import is_last_administrator
from placet.service.documents.keys import take_enrolment, take_revocation


def _enrolment(_asked: Asked, prompt: Prompt) -> ToSign:
    return enrolment_to_sign(prompt.asked, read_document(prompt.asked, Enrolment))


def _enroll(asked: Asked, _prompt: Prompt, envelope: str) -> Response:
    served = asked.parts.served
    take_enrolment(served.database, envelope, tenant=served.tenant, check=asked.parts.invitations.check_asks)
    return asked.lead("/approvers", "done", "enrolled")


def _revocation(asked: Asked, prompt: Prompt) -> ToSign:
    served, revocation = asked.parts.served, read_document(prompt.asked, Revocation)
    with served.database.reading() as tx:
        listed = tx.approvers.listed(served.tenant)
    # What a row says, and nobody signed, must not lead to another person's key.
    signed = (one.name for one in listed if one.key_id == revocation.key_id and one.fault is None)
    name = next(signed, "nobody")
    last = is_last_administrator(listed, revocation.key_id, asked.now)
    return revocation_to_sign(prompt.asked, revocation, name, last=last)


def _revoke(asked: Asked, _prompt: Prompt, envelope: str) -> Response:
    take_revocation(asked.parts.served.database, envelope, tenant=asked.parts.served.tenant)
    return asked.lead("/approvers", "done", "revoked")


def _own(asked: Asked, prompt: Prompt) -> bool:
    return is_own_key(asked, read_document(prompt.asked, Revocation).key_id)


ENROLMENT: Final = Kind(predicate_type(Enrolment), "keys", _enrolment, _enroll)
REVOCATION: Final = Kind(predicate_type(Revocation), "keys", _revocation, _revoke, _own)
