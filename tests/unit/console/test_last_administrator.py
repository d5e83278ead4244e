"""Who revokes the key of the last administrator is warned, and nobody else is."""

from datetime import timedelta

from placet.contracts.people.enrolment import ADMINISTRATOR, Revocation
from placet.governance.signing.signed import document_statement
from placet.interfaces.console.views.statement import revocation_to_sign
from placet.service.approvers import is_last_administrator
from placet.service.documents.keys import draft_revocation
from placet.storage.governance.approvers import ListedKey
from tests.unit.support import NOW, a_key


def row(name: str, *roles: str, fault: str | None = None, **changes: object) -> ListedKey:
    key = a_key(name, roles=roles, **changes)[1]
    return ListedKey(key.key_id, name, key, fault)


def test_the_last_key_of_an_administrator_is_the_only_one_that_counts() -> None:
    root, other, lead = row("root", ADMINISTRATOR), row("rita", ADMINISTRATOR), row("anna", "retention_lead")
    expired, bent = row("otto", ADMINISTRATOR, expires_at=NOW), row("ben", ADMINISTRATOR, fault="unsigned")
    unread = ListedKey("0" * 64, "nobody", None, "the row cannot be read")
    later = NOW + timedelta(hours=1)
    assert is_last_administrator((root, lead, expired, bent, unread), root.key_id, later)
    assert not is_last_administrator((root, other, lead), root.key_id, later)
    assert not is_last_administrator((root, lead), lead.key_id, later)
    assert not is_last_administrator((lead, expired), lead.key_id, later)  # nobody may enroll, and none of it is hers


def test_the_warning_stands_where_the_revocation_is_signed() -> None:
    revocation: Revocation = draft_revocation(tenant="demo", key_id="0" * 64, by="root", reason="lost")
    shown = [
        revocation_to_sign(document_statement(revocation), revocation, "root", last=last) for last in (True, False)
    ]
    assert [bool(one.notes) for one in shown] == [True, False]
    assert "the last key of an administrator" in shown[0].notes[0]
