"""From the moment a halt is committed, nothing it is about starts to leave; it is lifted once, and stays on record."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.halt import Halt
from placet.errors import UsageError
from placet.governance.signing.keys import Signer, public_bytes
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE
from placet.service.documents.halts import place_halt, sign_lift
from placet.service.documents.keys import revoke_key
from placet.storage.database import Database
from tests.integration.storage.placed_halts import AT, halt, place
from tests.support.databases import disarm, outsider, together
from tests.support.enrolment import enroll, new_signer, trusted


def in_force(database: Database, agent: str = "retention", kind: str = "adjust_balance") -> str | None:
    with database.reading() as tx:
        found = tx.halts.in_force("acme", agent=agent, kind=kind)
    return None if found is None else found.halt_id


def test_a_halt_comes_back_as_it_was_placed_and_placing_it_again_changes_nothing(database: Database) -> None:
    place(database, halt())
    place(database, halt())
    with database.reading() as tx:
        assert tx.halts.get(halt().halt_id) == halt()
        assert tx.halts.list("acme") == (halt(),)
        assert tx.halts.get("halt-" + "f" * 12) is None
    with pytest.raises(UsageError, match="exists already"):
        place(database, halt(tenant="other"))


def test_a_halt_stops_what_it_is_about_and_nothing_else(database: Database) -> None:
    place(database, halt(9, tenant="other"))
    assert in_force(database) is None
    place(database, halt(1, scope="kind", subject="adjust_balance"))
    assert in_force(database) == halt(1).halt_id
    assert in_force(database, kind="order_product") is None
    place(database, halt(2, scope="agent", subject="retention"))
    assert in_force(database) == halt(2).halt_id
    assert in_force(database, agent="advance", kind="order_product") is None
    place(database, halt(4), halt(3))
    assert in_force(database) == halt(3).halt_id
    assert in_force(database, agent="advance", kind="order_product") == halt(3).halt_id
    # An agent of a kind's name is not that kind.
    assert in_force(database, agent="adjust_balance", kind="retention") == halt(3).halt_id


def signed(database: Database, root: Signer, what: Halt) -> str:
    """The digest of a document in the store by which `root` lifts a halt."""
    envelope = sign_lift(what, name=root.name, reason="", key=root.key)
    with database.transaction() as tx:
        return tx.artifacts.put("acme", DOCUMENT_MEDIA_TYPE, envelope.encode())


def test_the_same_halted_twice_goes_on_when_both_are_lifted(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path, tenant="acme")
    place(database, halt(1), halt(2))
    for number, left in ((1, halt(2).halt_id), (2, None)):
        document = signed(database, root, halt(number))
        with database.transaction() as tx:
            assert tx.halts.lift(halt(number).halt_id, by="root", at=AT, document=document)
        assert in_force(database) == left
    with database.reading() as tx:
        assert tx.halts.list("acme") == ()
        assert [each.lifted_by for each in tx.halts.list("acme", lifted=True)] == ["root", "root"]


def test_of_eight_who_lift_it_at_once_one_does(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path, tenant="acme")
    documents = [signed(database, root, halt()) for _ in range(8)]
    place(database, halt())

    def lift(number: int) -> bool:
        with database.transaction() as tx:
            return tx.halts.lift(halt().halt_id, by="root", at=AT, document=documents[number])

    lifted = together(8, lift)
    assert lifted.count(True) == 1
    with database.reading() as tx:
        found = tx.halts.get(halt().halt_id)
    assert found is not None
    assert (found.lifted_by, found.lift) == ("root", documents[lifted.index(True)])


def test_a_row_lifts_no_halt_that_nobody_signed_for(database: Database, database_url: str, tmp_path: Path) -> None:
    root, stranger = trusted(database, tmp_path, tenant="acme"), new_signer("root")
    revoked = new_signer("rita")
    enroll(database, known(revoked), root)
    revoke_key(database, tenant="acme", key_id=revoked.key.key_id, by=root, reason="left")
    forgeries = {
        "no document": ("root", "d" * 64),
        "nobody's key": ("root", signed(database, stranger, halt(2))),
        "another halt's": ("root", signed(database, root, halt(99))),
        "in another's name": ("anna", signed(database, root, halt(4))),
        "a revoked key's": ("rita", signed(database, revoked, halt(5))),
        "before it was placed": ("root", signed(database, root, halt(6))),
    }
    later = halt(6, placed_at=datetime.now(UTC) + timedelta(days=1))
    place(database, *(halt(number) for number in range(1, 6)), later, recorded=False)
    for number, (by, document) in enumerate(forgeries.values(), 1):
        with database.transaction() as tx:
            assert tx.halts.lift(halt(number).halt_id, by=by, at=AT, document=document)
    with database.reading() as tx:
        assert [one.halt_id for one in tx.halts.list("acme")] == [halt(number).halt_id for number in range(1, 7)]
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance")
    assert found is not None
    assert (found.halt_id, found.lifted_at) == (halt(1).halt_id, None)
    assert found.reason == "wrong price list"
    assert found.doubt == "its row says that root lifted it, which nobody signed"
    # A row that was taken away is missed by who sends.
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell("DELETE FROM halt")
    gone = place_halt(
        database,
        tenant="acme",
        scope="kind",
        subject="order_product",
        by="olga",
        reason="wrong price list",
        agents=("retention",),
    )[0]
    with outsider(database_url) as shell:
        shell("DELETE FROM halt")
    with database.transaction() as tx:
        assert tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is None
        found = tx.halts.in_force("acme", agent="retention", kind="order_product", for_sending=True)
    assert found is not None
    assert (found.halt_id, found.reason) == (gone.halt_id, "wrong price list")
    assert found.doubt == "the record has it, its row was taken away"


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE halt SET scope = 'kind', subject = 'send_nothing'",
        "UPDATE halt SET scope = 'agent', subject = 'nobody'",
        "UPDATE halt SET tenant = 'other'",
    ],
)
def test_a_row_that_says_another_thing_stops_what_the_record_says(
    database: Database, database_url: str, edit: str
) -> None:
    given: Any = {"tenant": "acme", "by": "olga", "reason": "wrong price list", "agents": ("retention",)}
    placed = place_halt(database, scope="tenant", subject="", **given)[0]
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(edit)
    with database.transaction() as tx:
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True)
    assert found is not None
    assert (found.halt_id, found.scope) == (placed.halt_id, "tenant")


def known(signer: Signer) -> EnrolledKey:
    return EnrolledKey(
        tenant="acme",
        name=signer.name,
        roles=("retention_head",),
        limit=None,
        key_id=signer.key.key_id,
        public_key=base64.b64encode(public_bytes(signer.key.private.public_key())).decode(),
        enrolled_by="root",
        enrolled_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE halt SET lifted_at = NULL, lifted_by = NULL, lift = NULL",
        "UPDATE halt SET scope = 'agent', subject = 'nobody'",
        "DELETE FROM halt",
    ],
)
def test_the_database_itself_refuses_to_rewrite_one(database: Database, database_url: str, statement: str) -> None:
    place(database, halt())
    with database.transaction() as tx:
        tx.halts.lift(halt().halt_id, by="rita", at=AT, document="d" * 64)
    with outsider(database_url) as run, pytest.raises(Exception, match=r"(UPDATE|DELETE) refused"):
        run(statement)


@pytest.mark.parametrize(
    "edit", ["scope = 'kind', subject = 'order_product'", "placed_by = 'mallory'", "reason = 'a typing error'"]
)
def test_a_row_that_says_otherwise_than_the_record_is_shown_as_the_record_says(
    database: Database, database_url: str, edit: str
) -> None:
    """Whoever lifts a halt sees what it stops and who placed it by the record, and four eyes rest on that."""
    place(database, halt())
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(f"UPDATE halt SET {edit}")  # noqa: S608
    with database.reading() as tx:
        found, listed = tx.halts.get(halt().halt_id), tx.halts.list("acme")
    assert found is not None
    assert listed == (found,)
    assert found.doubt.startswith("its row says otherwise than the record")
    assert found.model_copy(update={"doubt": ""}) == halt()


def test_a_row_that_nothing_on_the_record_placed_is_shown_as_such(database: Database) -> None:
    place(database, halt(), recorded=False)
    with database.reading() as tx:
        (found,) = tx.halts.list("acme")
    assert found.doubt == "nothing on the record says that it was placed"


def test_a_halt_whose_row_was_taken_away_or_is_another_tenants_still_stands(
    database: Database, database_url: str
) -> None:
    place(database, halt(), halt(2, scope="kind", subject="order_product"))
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(f"DELETE FROM halt WHERE halt_id = '{halt().halt_id}'")  # noqa: S608
        shell("UPDATE halt SET tenant = 'other'")
    with database.reading() as tx:
        assert {one.halt_id for one in tx.halts.standing("acme")} == {halt().halt_id, halt(2).halt_id}
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance")
    assert found is not None
    assert found.halt_id == halt().halt_id
