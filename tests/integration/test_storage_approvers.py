"""A key belongs to one named person for good; it can be revoked, never changed or removed."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from placet.contracts.approver import EnrolledKey
from placet.contracts.money import Money
from placet.errors import UsageError
from placet.storage.database import Database
from tests.support.databases import outsider

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def key(seed: int = 1, **changes: Any) -> EnrolledKey:
    raw = bytes([seed]) * 32
    fields: dict[str, Any] = {
        "tenant": "acme",
        "name": "maria.lopez",
        "roles": ("retention_approver", "team-lead"),
        "limit": Money(amount_minor=5000, currency="EUR"),
        "key_id": hashlib.sha256(raw).hexdigest(),
        "public_key": base64.b64encode(raw).decode(),
        "enrolled_by": "root.admin",
        "enrolled_at": AT,
        "expires_at": AT + timedelta(days=90),
    }
    return EnrolledKey(**{**fields, **changes})


def test_an_enrolled_key_comes_back_as_it_was(database: Database) -> None:
    unlimited = key(2, limit=None, expires_at=None)
    with database.transaction() as tx:
        assert tx.approvers.enroll(key())
        assert tx.approvers.enroll(unlimited)
        assert not tx.approvers.enroll(key())
    with database.reading() as tx:
        assert tx.approvers.get(key().key_id) == key()
        assert tx.approvers.get(unlimited.key_id) == unlimited
        assert tx.approvers.get("0" * 64) is None


def test_a_person_may_hold_several_keys_and_tenants_see_their_own(database: Database) -> None:
    keys = [key(1), key(2, enrolled_at=AT + timedelta(days=1)), key(3, name="zoe.park")]
    with database.transaction() as tx:
        for each in [*reversed(keys), key(4, tenant="other")]:
            tx.approvers.enroll(each)
    with database.reading() as tx:
        assert tx.approvers.list("acme") == tuple(keys)
        assert tx.approvers.list("other") == (key(4, tenant="other"),)


@pytest.mark.parametrize("changes", [{"name": "eve"}, {"tenant": "other"}, {"limit": None}, {"roles": ("admin",)}])
def test_an_enrolled_key_cannot_be_enrolled_on_other_terms(database: Database, changes: dict[str, Any]) -> None:
    with database.transaction() as tx:
        tx.approvers.enroll(key())
    with (
        database.transaction() as tx,
        pytest.raises(UsageError, match=r"already enrolled for 'maria\.lopez'") as refused,
    ):
        tx.approvers.enroll(key(**changes))
    assert refused.value.code == "key_already_enrolled"
    with database.reading() as tx:
        assert tx.approvers.get(key().key_id) == key()


def test_a_revocation_is_final_and_the_first_one_stands(database: Database, database_url: str) -> None:
    revoked = key(revoked_by="root.admin", revoked_at=AT, revoked_reason="left the team")
    with database.transaction() as tx:
        tx.approvers.enroll(key())
        assert tx.approvers.revoke(key().key_id, by="root.admin", at=AT, reason="left the team") == revoked
        assert tx.approvers.revoke(key().key_id, by="eve", at=AT + timedelta(1), reason="later") == revoked
    for again, code in ((key(), "key_already_enrolled"), (revoked, "key_revoked")):
        with database.transaction() as tx, pytest.raises(UsageError, match="revoked") as refused:
            tx.approvers.enroll(again)
        assert refused.value.code == code
    with outsider(database_url) as run, pytest.raises(Exception, match="a revocation is final: UPDATE refused"):
        run("UPDATE approver_key SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL")


def test_a_key_that_was_never_enrolled_cannot_be_revoked(database: Database) -> None:
    with database.transaction() as tx, pytest.raises(UsageError, match="is not enrolled") as unknown:
        tx.approvers.revoke("0" * 64, by="root.admin", at=AT, reason="lost")
    assert unknown.value.code == "unknown_key"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM approver_key", "approver_key keeps every key: DELETE refused"),
        ("UPDATE approver_key SET public_key = 'other'", "approver_key can only be revoked: UPDATE refused"),
        ("UPDATE approver_key SET limit_minor = 99999999", "approver_key can only be revoked: UPDATE refused"),
    ],
)
def test_no_statement_changes_who_may_sign(database: Database, database_url: str, statement: str, words: str) -> None:
    with database.transaction() as tx:
        tx.approvers.enroll(key())
    with outsider(database_url) as run, pytest.raises(Exception, match=words):
        run(statement)
    with database.reading() as tx:
        assert tx.approvers.get(key().key_id) == key()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"public_key": "AAAA"}, "holds 3 bytes"),
        ({"public_key": "not base64!"}, "is not base64"),
        ({"key_id": "0" * 64}, "is not the SHA-256 of public_key"),
        ({"roles": ()}, "at least 1 item"),
        ({"limit": Money(amount_minor=-1, currency="EUR")}, "is negative"),
        ({"expires_at": AT}, "is not after enrolled_at"),
        ({"revoked_at": AT}, "a revocation needs"),
    ],
)
def test_a_key_that_contradicts_itself_is_no_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        key(**changes)
