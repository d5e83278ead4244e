"""`placet delegation sign|list|revoke`: what one confers on another, with a signature, until a date."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.delegation import Delegation
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.keys import SigningKey, load_key_file
from placet.governance.signing.signed import sign_document
from placet.service.documents.delegations import revoke_delegation, sign_delegation, take_delegation
from tests.e2e.test_halt_cli import PASSPHRASE, Installation

SIGN = ("delegation", "sign", "--to", "berta", "--role", "retention_lead", "--days", "7", "--as", "anna")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """With anna, who leads and may decide up to 500.00 USD, and berta, who may decide nothing of it."""
    made = Installation(tmp_path)
    made.enroll("anna", "retention_lead", "finance_lead")
    made.enroll("berta", "care_agent", limit="0.00 USD")
    yield made
    made.database.close()


def listed(installation: Installation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(installation.placet("delegation", "list", "--json"))
    return found


def signed(key: SigningKey, **changes: Any) -> str:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "tenant": "demo",
        "signer": "anna",
        "signed_at": now,
        "document_id": "d" * 32,
        "delegate": "berta",
        "roles": ("retention_lead",),
        "limit": Money(amount_minor=1, currency="USD"),
        "valid_from": now,
        "valid_until": now + timedelta(days=1),
        **changes,
    }
    return sign_document(Delegation(**fields), key.private, key.key_id)


@pytest.fixture
def annas_key(installation: Installation) -> SigningKey:
    return load_key_file(installation.home / "keys" / "anna.pem", PASSPHRASE)


def test_a_delegation_is_signed_listed_revoked_and_all_of_it_is_on_the_record(installation: Installation) -> None:
    said = installation.placet(*SIGN, "--limit", "200.00 USD", "--reason", "on leave")
    identity = said.split()[0]
    until = f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%d}"
    assert said.startswith(f"{identity}  berta for anna as retention_lead, up to 200.00 USD, until {until} ")
    assert installation.placet("delegation", "list") == said
    (one,) = listed(installation)
    assert one["delegation"]["document_id"].startswith(identity)
    assert (one["delegation"]["roles"], one["revoked_at"]) == (["retention_lead"], None)

    key = load_key_file(installation.home / "keys" / "anna.pem", PASSPHRASE)
    installation.placet("keys", "revoke", key.key_id, "--as", "root")
    assert ", confers nothing: key " in installation.placet("delegation", "list")
    assert "was revoked" in listed(installation)[0]["fault"]

    revoked = installation.placet("delegation", "revoke", identity, "--by", "anna", "--reason", "back early")
    assert "up to 200.00 USD, revoked " in revoked
    assert listed(installation)[0]["revoked_by"] == "anna"

    (entry,) = installation.record("delegation.signed")
    assert (entry.actor, entry.body["delegate"], entry.body["reason"]) == ("anna", "berta", "on leave")
    assert entry.body["limit"] == {"amount_minor": 20000, "currency": "USD"}
    with installation.database.reading() as tx:
        assert tx.artifacts.get(entry.body["document"], tenant="demo")
    (withdrawn,) = installation.record("delegation.revoked")
    assert (withdrawn.actor, withdrawn.body["reason"]) == ("anna", "back early")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("--limit", "500.01 USD"), "limit '500.01 USD' is beyond that of 'anna', which is 500.00 USD", "beyond_limit"),
        (("--limit", "1.00 EUR"), "limit '1.00 EUR' is in another currency than that of 'anna'", "beyond_limit"),
        (("--limit", "1.00 USD", "--role", "retention_head"), "not hold the role 'retention_head'", "role_not_held"),
        (("--limit", "0.00 USD"), "limit '0.00 USD' confers nothing", "confers_nothing"),
        (("--limit", "1.00 USD", "--to", "nobody"), "nobody is enrolled as 'nobody'", "unknown_delegate"),
    ],
)
def test_what_anna_does_not_hold_she_cannot_confer_and_the_attempt_is_on_the_record(
    installation: Installation, arguments: tuple[str, ...], message: str, code: str
) -> None:
    assert message in installation.placet(*SIGN, *arguments, code=1)
    assert listed(installation) == []
    (refused,) = installation.record("delegation.refused")
    assert (refused.actor, refused.body["code"]) == ("unverified", code)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((*SIGN, "--limit", "lots"), 1, "amount 'lots' is malformed"),
        ((*SIGN, "--limit", "-1.00 USD"), 1, "limit -1.00 USD is negative"),
        ((*SIGN, "--limit", "1.00 USD", "--to", "anna"), 1, "'anna' cannot delegate to themselves"),
        ((*SIGN, "--limit", "1.00 USD", "--to", "B B"), 1, "malformed: delegate 'B B'"),
        ((*SIGN, "--limit", "1.00 USD", "--role", "Lead!"), 1, "malformed: roles.1 'Lead!'"),
        ((*SIGN, "--limit", "1.00 USD", "--days", "0"), 2, "'--days'"),
        (SIGN, 2, "Missing option '--limit'"),
        (("delegation", "revoke", "abc", "--by", "anna"), 1, "0 delegations of tenant 'demo' begin with 'abc'"),
    ],
)
def test_what_is_malformed_is_one_line_and_signs_nothing(
    installation: Installation, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in installation.placet(*arguments, code=code)
    assert listed(installation) == []


def test_a_delegation_that_was_revoked_does_not_come_back_with_its_old_signature(
    installation: Installation, annas_key: SigningKey
) -> None:
    envelope = sign_delegation(
        tenant="demo",
        delegator="anna",
        delegate="berta",
        roles=("retention_lead",),
        limit="10.00 USD",
        days=1,
        reason="",
        key=annas_key,
    )
    taken = take_delegation(installation.database, envelope, tenant="demo")
    assert take_delegation(installation.database, envelope, tenant="demo") == taken
    assert len(installation.record("delegation.signed")) == 1
    identity = taken.delegation.document_id
    revoked = revoke_delegation(installation.database, tenant="demo", delegation_id=identity, by="root", reason="left")
    with pytest.raises(DecisionRefused, match="was revoked by root") as refused:
        take_delegation(installation.database, envelope, tenant="demo")
    assert refused.value.code == "revoked_delegation"
    with installation.database.reading() as tx:
        assert tx.delegations.list("demo") == (revoked,)


def test_only_the_delegators_own_good_key_signs_a_delegation(installation: Installation, annas_key: SigningKey) -> None:
    bertas = load_key_file(installation.home / "keys" / "berta.pem", PASSPHRASE)

    def refusal(text: str) -> str:
        with pytest.raises(DecisionRefused) as refused:
            take_delegation(installation.database, text, tenant="demo")
        return refused.value.code

    assert refusal(signed(bertas)) == "wrong_person"
    assert refusal(signed(annas_key, tenant="other")) == "wrong_tenant"
    assert refusal(signed(annas_key, signed_at=datetime.now(UTC) + timedelta(hours=1))) == "clock_skew"
    assert refusal(signed(annas_key)[:-20]) == "malformed"
    assert refusal("\ud800") == "malformed"
    now = datetime.now(UTC)
    assert refusal(signed(annas_key, valid_from=now - timedelta(days=2), valid_until=now)) == "over"
    take_delegation(installation.database, signed(annas_key), tenant="demo")
    assert refusal(signed(annas_key, roles=("finance_lead",))) == "duplicate"
    installation.placet("keys", "revoke", annas_key.key_id, "--as", "root")
    assert refusal(signed(annas_key, document_id="e" * 32)) == "revoked_key"


@pytest.mark.parametrize(("by", "reason"), [("Anna A.", ""), ("anna", "x" * 501), ("anna", "a\x00b")])
def test_a_revocation_names_a_person_and_a_reason_that_can_be_kept(
    installation: Installation, annas_key: SigningKey, by: str, reason: str
) -> None:
    taken = take_delegation(installation.database, signed(annas_key), tenant="demo")
    with pytest.raises(UsageError, match="malformed"):
        revoke_delegation(
            installation.database, tenant="demo", delegation_id=taken.delegation.document_id, by=by, reason=reason
        )
    assert listed(installation)[0]["revoked_at"] is None


def test_a_third_delegation_of_one_to_another_waits_until_one_is_revoked(
    installation: Installation, annas_key: SigningKey
) -> None:
    first, second, third = (signed(annas_key, document_id=letter * 32) for letter in "abc")
    taken = take_delegation(installation.database, first, tenant="demo")
    take_delegation(installation.database, second, tenant="demo")
    with pytest.raises(DecisionRefused, match="2 delegations of 'anna' to 'berta' stand already") as refused:
        take_delegation(installation.database, third, tenant="demo")
    assert refused.value.code == "too_many"
    assert len(listed(installation)) == len(installation.record("delegation.signed")) == 2
    assert [entry.body["code"] for entry in installation.record("delegation.refused")] == ["too_many"]
    assert take_delegation(installation.database, first, tenant="demo") == taken
    revoke_delegation(installation.database, tenant="demo", delegation_id="a" * 32, by="anna", reason="")
    assert take_delegation(installation.database, third, tenant="demo").delegation.document_id == "c" * 32
