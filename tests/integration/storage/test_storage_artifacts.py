"""Artifacts are what their digest says, or nothing at all."""

from pathlib import Path

import pytest

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Evidence
from placet.contracts.money import Money
from placet.contracts.proposal import Reason
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.canonical import digest, sha256_hex
from placet.storage.database import Database
from tests.support.databases import disarm, outsider, together

BILL = bytes(range(256)) * 3


def test_the_same_bytes_have_one_address_and_are_kept_once(database: Database) -> None:
    with database.transaction() as tx:
        assert {tx.artifacts.put("acme", "application/octet-stream", BILL) for _ in range(3)} == {sha256_hex(BILL)}
    with database.reading() as tx:
        assert tx.artifacts.get(sha256_hex(BILL)) == BILL


def test_racing_writers_of_the_same_bytes_agree(database: Database) -> None:
    def put(_: int) -> str:
        with database.transaction() as tx:
            return tx.artifacts.put("acme", "text/plain", b"prompt")

    assert together(8, put) == [sha256_hex(b"prompt")] * 8


def test_a_model_is_stored_under_its_governance_digest(database: Database) -> None:
    model = Money(amount_minor=1250, currency="EUR")
    with database.transaction() as tx:
        address = tx.artifacts.put_model("acme", model)
    with database.reading() as tx:
        assert tx.artifacts.get_model(address, Money) == model
    assert address == digest(model)


@pytest.mark.parametrize(
    ("name", "type_", "address"),
    [
        ("evidence", Evidence, "498304f42b4f3666e757569d96596fbca03c54618bc223688a7a56ed7d98b073"),
        ("assessment", Assessment, "d19e5203f9affa51bf7828d9e11fa442133fad6a917ca0640f290d5a9c760551"),
    ],
)
def test_what_was_stored_before_facts_had_names_keeps_its_address_and_is_read(
    database: Database, name: str, type_: type[Evidence | Assessment], address: str
) -> None:
    stored = (Path(__file__).parents[2] / "fixtures" / "stored_before" / f"{name}.json").read_bytes()
    with database.transaction() as tx:
        assert tx.artifacts.put("acme", "application/json", stored) == address
    with database.reading() as tx:
        read = tx.artifacts.get_model(address, type_, tenant="acme")
        assert tx.artifacts.get(address) == stored
    assert [(fact.name, fact.value) for fact in read.customer.facts] == [
        ("contract", "one_year"),
        ("internet_service", "fiber_optic"),
        ("payment_method", "Electronic check"),
    ]


def test_each_tenant_holds_its_own_copy(database: Database, database_url: str) -> None:
    with database.transaction() as tx:
        address = tx.artifacts.put("acme", "text/plain", b"shared words")
        with pytest.raises(UsageError, match="not in the store"):
            tx.artifacts.get(address, tenant="other")
        tx.artifacts.put("other", "text/plain", b"shared words")
    with outsider(database_url) as run:
        run("DELETE FROM artifact WHERE tenant = 'acme'")
    with database.reading() as tx:
        assert tx.artifacts.get(address, tenant="other") == b"shared words"
        with pytest.raises(UsageError) as erased:
            tx.artifacts.get(address, tenant="acme")
    assert erased.value.code == "unknown_artifact"


def test_an_artifact_cannot_be_updated(database: Database, database_url: str) -> None:
    with database.transaction() as tx:
        address = tx.artifacts.put("acme", "text/plain", b"as it was")
    with outsider(database_url) as run, pytest.raises(Exception, match="artifact is immutable: UPDATE refused"):
        run("UPDATE artifact SET media_type = 'x'")
    with database.reading() as tx:
        assert tx.artifacts.get(address) == b"as it was"


@pytest.mark.parametrize("altered", ["'9250 EUR'", "CAST('9250 EUR' AS {bytes})"])
def test_altered_bytes_are_never_returned(database: Database, database_url: str, altered: str) -> None:
    with database.transaction() as tx:
        address = tx.artifacts.put("acme", "text/plain", b"1250 EUR")
    disarm(database_url, "artifact")
    statement = f"UPDATE artifact SET data = {altered}"  # noqa: S608 - this test is the attacker
    with outsider(database_url) as run:
        run(statement.format(bytes="BLOB" if database_url.startswith("sqlite") else "bytea"))
    with database.reading() as tx, pytest.raises(GovernanceError) as broken:
        tx.artifacts.get(address)
    assert broken.value.code == "artifact_broken"


def test_an_artifact_of_another_kind_is_refused(database: Database) -> None:
    with database.transaction() as tx:
        address = tx.artifacts.put_model("acme", Reason(code="tenure"))
        with pytest.raises(GovernanceError, match="is not a valid Money") as broken:
            tx.artifacts.get_model(address, Money)
    assert broken.value.code == "artifact_broken"
