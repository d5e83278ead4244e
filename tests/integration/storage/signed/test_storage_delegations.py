"""A signed delegation is kept as it was, counts until it ends or is revoked, and is revoked once."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.errors import UsageError
from placet.governance.authority.delegations import MOST_CONSIDERED
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import Signer, key_id_of, public_bytes
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document
from placet.service.documents.keys import revoke_key
from placet.storage.database import Database
from tests.support.databases import outsider, together
from tests.support.enrolment import enroll as enroll_key
from tests.support.enrolment import trusted

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


PRIVATE = Ed25519PrivateKey.generate()
RAW = public_bytes(PRIVATE.public_key())


def delegation(number: int = 1, **changes: Any) -> Delegation:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "signer": "maria.lopez",
        "signed_at": AT,
        "document_id": f"{number:032x}",
        "delegate": "zoe.park",
        "roles": ("retention_lead", "finance_lead"),
        "limit": Money(amount_minor=5000, currency="EUR"),
        "valid_from": AT,
        "valid_until": AT + DAY,
    }
    return Delegation(**{**fields, **changes})


def signed(one: Delegation) -> str:
    return sign_document(one, PRIVATE, key_id_of(RAW))


def record(number: int = 1, **changes: Any) -> DelegationRecord:
    one = delegation(number, **changes)
    return DelegationRecord(delegation=one, document=sha256_hex(signed(one).encode()), key_id=key_id_of(RAW))


def enroll(database: Database, folder: Path) -> Signer:
    root = trusted(database, folder, tenant="acme")
    key = EnrolledKey(
        tenant="acme",
        name="maria.lopez",
        roles=("retention_lead",),
        limit=None,
        key_id=key_id_of(RAW),
        public_key=base64.b64encode(RAW).decode(),
        enrolled_by="root",
        enrolled_at=AT - DAY,
    )
    enroll_key(database, key, root)
    return root


def keep(database: Database, *records: DelegationRecord) -> None:
    with database.transaction() as tx:
        for each in records:
            assert tx.delegations.add(each)
            tx.artifacts.put(each.delegation.tenant, DOCUMENT_MEDIA_TYPE, signed(each.delegation).encode())


def active(database: Database) -> tuple[DelegationRecord, ...]:
    with database.reading() as tx:
        return tx.delegations.active("acme", "zoe.park", AT)


def counting(database: Database) -> tuple[DelegationRecord, ...]:
    """What is active and was signed."""
    with database.reading() as tx:
        return tuple(one for one in tx.delegations.active("acme", "zoe.park", AT) if tx.delegations.signed(one, AT))


def test_a_delegation_comes_back_as_it_was_signed(database: Database) -> None:
    keep(database, record())
    with database.reading() as tx:
        assert tx.delegations.get("acme", f"{1:032x}") == record()
        assert tx.delegations.get("other", f"{1:032x}") is None


def test_the_first_of_an_identity_stands(database: Database) -> None:
    keep(database, record(), record(tenant="other"))
    with database.transaction() as tx:
        assert not tx.delegations.add(record(delegate="mallory"))
        assert tx.delegations.list("acme") == (record(),)


def test_active_are_those_of_the_delegate_inside_their_time_and_not_revoked(database: Database, tmp_path: Path) -> None:
    enroll(database, tmp_path)
    wanted = [record(1), record(2, valid_until=AT + 2 * DAY)]
    others = [
        record(3, valid_from=AT + timedelta(seconds=1)),
        record(4, valid_from=AT - DAY, valid_until=AT),
        record(5, delegate="ann"),
        record(6, tenant="other"),
        record(7),
    ]
    keep(database, *others, *wanted)
    with database.transaction() as tx:
        tx.delegations.revoke("acme", f"{7:032x}", by="root", at=AT, reason="")
        assert len(tx.delegations.list("acme")) == 6
    assert active(database) == counting(database) == (wanted[1], wanted[0])
    with database.reading() as tx:
        assert {one.delegation.document_id for one in tx.delegations.standing("acme", "zoe.park", AT)} == {
            f"{number:032x}" for number in (1, 2, 3)
        }


def test_a_row_without_the_delegators_signature_confers_nothing(database: Database, tmp_path: Path) -> None:
    """What somebody who can write to the table might try; each row is listed, none counts."""
    enroll(database, tmp_path)
    honest, greedy = record(1), delegation(1, limit=Money(amount_minor=10**6, currency="EUR"))
    forged = sign_document(delegation(4), Ed25519PrivateKey.generate(), key_id_of(RAW))
    rows = [
        honest.model_copy(update={"delegation": greedy}),
        record(2),
        record(3, signer="root"),
        record(4).model_copy(update={"document": sha256_hex(forged.encode())}),
        record(5).model_copy(update={"key_id": "b" * 64}),
    ]
    with database.transaction() as tx:
        for row in rows:
            assert tx.delegations.add(row)
        for text in (signed(delegation(1)), signed(delegation(3, signer="root")), forged, signed(delegation(5))):
            tx.artifacts.put("acme", DOCUMENT_MEDIA_TYPE, text.encode())
        assert len(tx.delegations.list("acme")) == len(rows)
        assert [row for row in rows if tx.delegations.signed(row, AT)] == []
    assert counting(database) == ()


def test_what_a_key_signed_counts_no_longer_than_the_key(database: Database, tmp_path: Path) -> None:
    keep(database, record())
    assert counting(database) == ()
    root = enroll(database, tmp_path)
    assert counting(database) == (record(),)
    revoke_key(database, tenant="acme", key_id=key_id_of(RAW), by=root, reason="left")
    assert counting(database) == ()


def test_what_one_person_signs_keeps_nobody_elses_delegation_from_being_reached(database: Database) -> None:
    """Were the rows there by any means: what the rules refuse at signing."""
    flood = [record(number, signer="mallory", signed_at=AT + DAY) for number in range(2, 62)]
    keep(database, record(1), *flood)
    found = active(database)
    assert [one.delegation.signer for one in found] == ["mallory", "maria.lopez", "mallory"]


def test_a_review_reads_a_bounded_number_of_delegations(database: Database) -> None:
    keep(database, *(record(number, signer=f"p{number}") for number in range(60)))
    assert len(active(database)) == MOST_CONSIDERED == 50


MALFORMED_ROW = """
INSERT INTO delegation (tenant, delegation_id, delegate, valid_until, delegation, document, key_id)
VALUES ('acme', '99999999999999999999999999999999', 'zoe.park', '2026-03-02 12:00:00.000000', 'TEXT', 'none', 'none')
"""


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"tenant": "acme"}', delegation(9).model_dump_json()])
def test_a_malformed_row_confers_nothing_and_hides_no_other(
    database: Database, database_url: str, tmp_path: Path, text: str
) -> None:
    enroll(database, tmp_path)
    keep(database, record(1))
    with outsider(database_url) as run:
        run(MALFORMED_ROW.replace("TEXT", text))
    assert counting(database) == (record(1),)
    with database.reading() as tx:
        assert tx.delegations.list("acme") == (record(1),)
        # It takes no place in a page either: one that looks like the last would hide what follows.
        assert tx.delegations.list("acme", limit=1) == (record(1),)
        assert tx.delegations.list("acme", limit=1, after=f"{1:032x}") == ()
        assert tx.delegations.get("acme", "9" * 32) is None


def test_it_is_revoked_once_and_the_first_revocation_stands(database: Database) -> None:
    keep(database, record())

    def revoke(number: int) -> DelegationRecord:
        with database.transaction() as tx:
            at = AT + timedelta(seconds=number)
            return tx.delegations.revoke("acme", f"{1:032x}", by=f"person-{number}", at=at, reason="back early")

    (first,) = set(together(8, revoke))
    with database.reading() as tx:
        assert tx.delegations.get("acme", f"{1:032x}") == first
    assert first.revoked_by is not None
    assert (first.delegation, first.revoked_reason) == (delegation(), "back early")


def test_what_does_not_exist_cannot_be_revoked(database: Database) -> None:
    keep(database, record())
    for tenant, number in (("acme", 2), ("other", 1)):
        with pytest.raises(UsageError, match="no delegation"), database.transaction() as tx:
            tx.delegations.revoke(tenant, f"{number:032x}", by="root", at=AT, reason="")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delegation SET valid_until = '2099-01-01'",
        "UPDATE delegation SET delegate = 'mallory'",
        "UPDATE delegation SET revoked_at = NULL, revoked_by = NULL",
        "DELETE FROM delegation",
    ],
)
def test_the_database_itself_refuses_to_rewrite_one(database: Database, database_url: str, statement: str) -> None:
    keep(database, record())
    with database.transaction() as tx:
        tx.delegations.revoke("acme", f"{1:032x}", by="root", at=AT, reason="")
    with outsider(database_url) as run, pytest.raises(Exception, match=r"(UPDATE|DELETE) refused"):
        run(statement)
