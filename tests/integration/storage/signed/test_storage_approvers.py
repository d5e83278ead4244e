"""A key belongs to one named person for good: revoked at most, never changed or removed, and it counts as signed."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.errors import ConfigurationError, DecisionRefused, UsageError
from placet.governance.signing.keys import Signer, key_id_of, public_bytes
from placet.service.documents.keys import bootstrap_administrator, check_administrators, revoke_key, take_enrolment
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust
from tests.support.databases import disarm, outsider
from tests.support.enrolment import enroll, enrolment_of, new_signer, trusted

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_RAW = {seed: public_bytes(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key()) for seed in range(9)}


def key(seed: int = 1, **changes: Any) -> EnrolledKey:
    raw = _RAW[seed]
    fields: dict[str, Any] = {
        "tenant": "acme",
        "name": "maria.lopez",
        "roles": ("retention_approver", "team-lead"),
        "limit": Money(amount_minor=5000, currency="EUR"),
        "key_id": key_id_of(raw),
        "public_key": base64.b64encode(raw).decode(),
        "enrolled_by": "root",
        "enrolled_at": AT,
        "expires_at": AT + timedelta(days=90),
    }
    return EnrolledKey(**{**fields, **changes})


@pytest.fixture
def root(database: Database, tmp_path: Path) -> Signer:
    """The pinned administrator of tenant acme."""
    return trusted(database, tmp_path, tenant="acme")


def known(database: Database, key_id: str = "") -> EnrolledKey | None:
    with database.reading() as tx:
        return tx.approvers.get(key_id or key().key_id)


def faults(database: Database) -> list[str | None]:
    with database.reading() as tx:
        return [one.fault for one in tx.approvers.listed("acme") if one.name != "root"]


def test_an_enrolled_key_comes_back_as_it_was(database: Database, root: Signer) -> None:
    unlimited = key(2, limit=None, expires_at=None)
    for each in (key(), unlimited, key()):
        assert enroll(database, each, root) == each
    assert known(database) == key()
    assert known(database, unlimited.key_id) == unlimited
    assert known(database, "0" * 64) is None
    with database.reading() as tx:
        entries = [event for event in tx.audit.read("tenant/acme") if event.kind == "key.enrolled"]
        assert [event.body["key_id"] for event in entries] == [root.key.key_id, key().key_id, unlimited.key_id]
        for event in entries:
            assert tx.artifacts.get(event.body["document"], tenant="acme")


def test_a_person_may_hold_several_keys_and_tenants_see_their_own(
    database: Database, root: Signer, tmp_path: Path
) -> None:
    other = trusted(database, tmp_path, tenant="other")
    keys = [key(1), key(2, enrolled_at=AT + timedelta(days=1)), key(3, name="zoe.park")]
    for each in reversed(keys):
        enroll(database, each, root)
    enroll(database, key(4, tenant="other"), other)
    with database.reading() as tx:
        assert [one for one in tx.approvers.list("acme") if one.name != "root"] == keys
        assert [one for one in tx.approvers.list("other") if one.name != "root"] == [key(4, tenant="other")]
    with pytest.raises(DecisionRefused, match="not enrolled for tenant 'other'"):  # an administrator of one tenant only
        enroll(database, key(5, tenant="other"), root)


@pytest.mark.parametrize("changes", [{"name": "eve"}, {"limit": None}, {"roles": ("admin",)}])
def test_an_enrolled_key_cannot_be_enrolled_on_other_terms(
    database: Database, root: Signer, changes: dict[str, Any]
) -> None:
    enroll(database, key(), root)
    with pytest.raises(UsageError, match=r"already enrolled for 'maria\.lopez'") as refused:
        enroll(database, key(**changes), root)
    assert refused.value.code == "key_already_enrolled"
    assert known(database) == key()


def test_a_revocation_is_final_and_the_first_one_stands(database: Database, database_url: str, root: Signer) -> None:
    enroll(database, key(), root)
    for reason in ("left the team", "later"):
        revoke_key(database, tenant="acme", key_id=key().key_id, by=root, reason=reason)
    revoked = known(database)
    assert revoked is not None
    assert (revoked.revoked_by, revoked.revoked_reason) == ("root", "left the team")
    with pytest.raises(UsageError, match="and revoked since") as refused:
        enroll(database, key(), root)
    assert refused.value.code == "key_already_enrolled"
    with outsider(database_url) as run, pytest.raises(Exception, match="a revocation is final: UPDATE refused"):
        run("UPDATE approver_key SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL")
    with outsider(database_url) as run:  # who owns the table has no triggers to fear; the record remembers
        postgres = database_url.startswith("postgresql")
        run("DROP TRIGGER approver_key_no_update_when_closed" + (" ON approver_key" if postgres else ""))
        run("UPDATE approver_key SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL, revocation = NULL")
    forgotten = known(database)
    assert forgotten is not None
    assert (forgotten.revoked_by, forgotten.revoked_reason) == ("root", "left the team")
    assert forgotten.revoked_at is not None
    with outsider(database_url) as run:  # nor is it put off by a row
        run("UPDATE approver_key SET revoked_at = '2099-01-01 00:00:00+00:00', revoked_by = 'x', revoked_reason = 'y'")
    put_off = known(database)
    assert put_off is not None
    assert (put_off.revoked_by, put_off.revoked_at) == ("root", forgotten.revoked_at)


def test_a_key_that_was_never_enrolled_cannot_be_revoked(database: Database, root: Signer) -> None:
    with pytest.raises(UsageError, match="0 keys of tenant 'acme' begin with"):
        revoke_key(database, tenant="acme", key_id="0" * 64, by=root, reason="lost")


def test_a_name_leads_to_the_key_that_was_signed_to_be_theirs_and_to_no_other(
    database: Database, database_url: str, root: Signer
) -> None:
    enroll(database, key(1, name="maria"), root)
    enroll(database, key(2, name="ben"), root)
    disarm(database_url, "approver_key")
    with outsider(database_url) as run:
        run("UPDATE approver_key SET name = CASE name WHEN 'maria' THEN 'other' WHEN 'ben' THEN 'maria' ELSE name END")
    with pytest.raises(UsageError, match="0 keys of tenant 'acme' begin with 'maria' or are theirs"):
        revoke_key(database, tenant="acme", key_id="maria", by=root, reason="left")
    with database.reading() as tx:
        assert [event for event in tx.audit.read("tenant/acme") if event.kind == "key.revoked"] == []


def test_a_name_leads_past_an_expired_key_to_the_one_that_counts(database: Database, root: Signer) -> None:
    expired = enroll(database, key(1, name="maria", expires_at=AT + timedelta(days=1)), root)
    good = enroll(database, key(2, name="maria", expires_at=None), root)
    revoke_key(database, tenant="acme", key_id="maria", by=root, reason="left")
    assert [
        one is not None and one.revoked_by for one in (known(database, good.key_id), known(database, expired.key_id))
    ] == [
        "root",
        None,
    ]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM approver_key", "approver_key keeps every key: DELETE refused"),
        ("UPDATE approver_key SET public_key = 'other'", "approver_key can only be revoked: UPDATE refused"),
        ("UPDATE approver_key SET limit_minor = 99999999", "approver_key can only be revoked: UPDATE refused"),
        ("UPDATE approver_key SET document = 'other'", "approver_key can only be revoked: UPDATE refused"),
    ],
)
def test_no_statement_changes_who_may_sign(
    database: Database, database_url: str, root: Signer, statement: str, words: str
) -> None:
    enroll(database, key(), root)
    with outsider(database_url) as run, pytest.raises(Exception, match=words):
        run(statement)
    assert known(database) == key()


def test_only_administrators_enroll_and_revoke(database: Database, root: Signer) -> None:
    ben, eve = new_signer("ben"), new_signer("eve")
    for signer, roles in ((ben, (ADMINISTRATOR,)), (eve, ("retention_head",))):
        raw = public_bytes(signer.key.private.public_key())
        said: dict[str, Any] = {"name": signer.name, "roles": roles, "expires_at": None, "key_id": signer.key.key_id}
        enroll(database, key(public_key=base64.b64encode(raw).decode(), **said), root)
    enroll(database, key(1, enrolled_by="ben"), ben)
    assert known(database) == key(1, enrolled_by="ben")
    for outside, code in ((eve, "not_administrator"), (new_signer("root"), "unknown_key")):
        with pytest.raises(DecisionRefused) as refused:
            enroll(database, key(2), outside)
        assert refused.value.code == code
    with pytest.raises(DecisionRefused) as refused:
        revoke_key(database, tenant="acme", key_id=key(1).key_id, by=eve, reason="envy")
    assert refused.value.code == "not_administrator"
    revoke_key(database, tenant="acme", key_id=eve.key.key_id, by=eve, reason="my key was stolen")  # one's own
    # What an administrator enrolled before their key was revoked stands; from then on they enroll nobody.
    revoke_key(database, tenant="acme", key_id=ben.key.key_id, by=root, reason="left")
    with pytest.raises(DecisionRefused) as refused:
        enroll(database, key(3, enrolled_by="ben"), ben)
    assert refused.value.code == "revoked_key"
    database.trust = Trust(database.trust.administrators.path)  # another process, which has verified nothing yet
    assert known(database) == key(1, enrolled_by="ben")
    with database.reading() as tx:
        kinds = [event.body["code"] for event in tx.audit.read("tenant/acme") if event.kind == "key.refused"]
    assert kinds == ["not_administrator", "unknown_key", "not_administrator", "revoked_key"]


def test_a_revoked_administrators_backdated_enrolment_comes_too_late_on_the_record(
    database: Database, root: Signer
) -> None:
    """Whoever has a revoked administrator's key and writes to the database: the entry's place gives it away."""
    ben = new_signer("ben")
    raw = public_bytes(ben.key.private.public_key())
    said: dict[str, Any] = {"name": "ben", "roles": (ADMINISTRATOR,), "expires_at": None, "key_id": ben.key.key_id}
    enroll(database, key(public_key=base64.b64encode(raw).decode(), **said), root)
    revoke_key(database, tenant="acme", key_id=ben.key.key_id, by=root, reason="left")
    text = enrolment_of(key(1, enrolled_by="ben"), ben)
    with database.transaction() as tx:
        document = tx.artifacts.put("acme", "text/plain", text.encode())
        assert tx.approvers.enroll(key(1, enrolled_by="ben"), document)
        tx.audit.append(
            stream="tenant/acme",
            tenant="acme",
            run_id=None,
            kind="key.enrolled",
            actor="ben",
            step_key=f"key.enrolled.{key(1).key_id}",
            at=AT,
            body={"document": document},
        )
    assert known(database) is None
    assert "the key of 'ben' was revoked before it enrolled this" in faults(database)


def test_a_row_that_no_administrator_signed_enrolls_nobody(database: Database, root: Signer) -> None:
    """What somebody who can write to the tables might try; each row is listed with its fault, none counts."""
    mallory = new_signer("root")
    honest = enrolment_of(key(1), root)
    with database.transaction() as tx:
        put = [tx.artifacts.put("acme", "t", text.encode()) for text in (honest, enrolment_of(key(3), mallory))]
        tx.approvers.enroll(key(1), put[0])  # signed, and never put on the record
        tx.approvers.enroll(key(2), "0" * 64)  # signed by nobody
        tx.approvers.enroll(key(3), put[1])  # signed by somebody in root's name, and put on the record
        tx.audit.append(
            stream="tenant/acme",
            tenant="acme",
            run_id=None,
            kind="key.enrolled",
            actor="root",
            step_key=f"key.enrolled.{key(3).key_id}",
            at=AT,
            body={"document": put[1]},
        )
    enroll(database, key(4), root)
    assert [known(database, key(seed).key_id) for seed in (1, 2, 3)] == [None, None, None]
    found = faults(database)
    assert found[0] == "this enrolment is not on the record"
    assert "is not in the store" in str(found[1])
    assert "is not enrolled for tenant 'acme'" in str(found[2])
    assert found[3] is None
    with database.reading() as tx:
        assert [one.key_id for one in tx.approvers.list("acme") if one.name != "root"] == [key(4).key_id]


def test_a_row_altered_under_an_honest_signature_counts_for_nothing(
    database: Database, database_url: str, root: Signer
) -> None:
    enroll(database, key(), root)
    assert known(database) == key()  # verified and remembered
    with outsider(database_url) as run:
        postgres = database_url.startswith("postgresql")
        run("DROP TRIGGER approver_key_no_update_of_key_id" + (" ON approver_key" if postgres else ""))
        run("UPDATE approver_key SET limit_minor = 99999999 WHERE name = 'maria.lopez'")
    assert known(database) is None
    assert faults(database) == ["the database says other than what was signed"]


def test_without_a_pinned_administrator_nobody_is_enrolled(database: Database, root: Signer, tmp_path: Path) -> None:
    enroll(database, key(), root)
    pinned = database.trust.administrators.path
    assert pinned is not None
    kept = pinned.read_text()
    for spoil, words in (
        (lambda: pinned.chmod(0o620), "has mode 0620; run chmod 600 on it"),
        (lambda: pinned.write_text("who knows\n"), "is not 'KEY TENANT NAME'; nobody is trusted"),
        (pinned.unlink, "no administrator of tenant 'acme' is pinned in"),
    ):
        spoil()
        assert known(database) is None
        with pytest.raises(ConfigurationError, match=words):
            take_enrolment(database, enrolment_of(key(2), root), tenant="acme")
        pinned.write_text(kept)
        pinned.chmod(0o600)
        assert known(database) == key()
    # Another installation's file: whoever can write the database alone cannot make an administrator.
    stranger = new_signer("root")
    with pytest.raises(UsageError, match="is pinned as administrator of 'acme' already") as refused:
        bootstrap_administrator(database, tenant="acme", by=stranger)
    assert refused.value.code == "administrator_pinned"
    with pytest.raises(UsageError, match="a key belongs to one tenant") as refused:
        bootstrap_administrator(database, tenant="umbrella", by=root)
    assert refused.value.code == "key_already_enrolled"
    assert database.trust.pinned("umbrella") == {}  # another key can still be the first
    database.trust = Trust(tmp_path / "elsewhere")
    assert known(database) is None
    bootstrap_administrator(database, tenant="acme", by=root)  # the second host: the record has it already
    check_administrators(database.trust, "acme")
    assert known(database) == key()


SMALL_ORDER = ["01" + "00" * 31, "00" * 32, "ec" + "ff" * 30 + "7f", "00" * 31 + "80"]
NON_CANONICAL = ["ee" + "ff" * 30 + "7f", "01" + "00" * 30 + "80"]


@pytest.mark.parametrize("raw", [*SMALL_ORDER, *NON_CANONICAL])
def test_keys_that_prove_nothing_are_not_enrolled(database: Database, root: Signer, raw: str) -> None:
    weak = bytes.fromhex(raw)
    with pytest.raises(DecisionRefused, match="its public key is refused") as refused:
        enroll(database, key(key_id=key_id_of(weak), public_key=base64.b64encode(weak).decode()), root)
    assert refused.value.code == "malformed_statement"
    assert known(database, key_id_of(weak)) is None


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
        ({"name": "worker"}, "names a part of the system"),
        ({"name": "policy"}, "names a part of the system"),
        ({"name": "agent:retention"}, "should match pattern"),
    ],
)
def test_a_key_that_contradicts_itself_is_no_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        key(**changes)
