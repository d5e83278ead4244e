"""What a passkey signs beside decisions counts like what another key signs, on both databases (docs/adr/0035)."""

import base64
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.access import AccessGrant
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.batch import Batch, BatchBounds, BatchMember
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.enrolment import ADMINISTRATOR, Enrolment, Revocation
from placet.contracts.people.halt import Lift
from placet.contracts.people.signed import SignedDocument
from placet.errors import DecisionRefused, GovernanceError, StorageError
from placet.governance.batches import MemberTree, decision_id, read_batched, shares
from placet.governance.signing import dsse
from placet.governance.signing.canonical import canonical_bytes, digest
from placet.governance.signing.counters import CounterUse
from placet.governance.signing.keys import Signer
from placet.governance.signing.signed import document_statement
from placet.service.deciding.batches import record_batch
from placet.service.documents.access import take_grant
from placet.service.documents.delegations import take_delegation
from placet.service.documents.halts import lift_halt, place_halt
from placet.service.documents.keys import take_enrolment, take_revocation
from placet.service.documents.mandates import take_mandate
from placet.storage.database import Database
from placet.storage.governance.counters import check_noted, check_use, note_use
from placet.storage.governance.enrolment import Trust
from placet.storage.projections.verification import check_projections, verify_projections
from tests.support.authenticator import Authenticator, mirrored
from tests.support.databases import disarm, outsider, together
from tests.support.enrolment import enroll, trusted
from tests.unit.policy.policy_support import DEFAULT, a_mandate, a_set
from tests.unit.support import a_key

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def root(database: Database, tmp_path: Path) -> Signer:
    return trusted(database, tmp_path)


@pytest.fixture
def anna(database: Database, root: Signer) -> Authenticator:
    """Anna's passkey, which counts; berta is enrolled as well."""
    device = Authenticator(counter=0)
    enroll(database, device.enrolled("anna", roles=("retention_lead", "retention_head")), root)
    enroll(database, a_key("berta")[1], root)
    return device


def a_delegation(**changes: Any) -> Delegation:
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "tenant": "demo",
        "signer": "anna",
        "signed_at": now,
        "document_id": secrets.token_hex(16),
        "delegate": "berta",
        "roles": ("retention_lead",),
        "limit": Money(amount_minor=1000, currency="USD"),
        "valid_from": now,
        "valid_until": now + timedelta(days=1),
    }
    return Delegation(**{**fields, **changes})


def signed(document: SignedDocument, device: Authenticator) -> str:
    return device.envelope(document_statement(document))


def about(signer: str) -> dict[str, Any]:
    return {"tenant": "demo", "signer": signer, "signed_at": datetime.now(UTC), "document_id": secrets.token_hex(16)}


def used(database: Database) -> list[int]:
    with database.reading() as tx:
        return [one.body["counter"] for one in tx.audit.read("tenant/demo") if one.kind == "passkey.used"]


def test_a_passkey_comes_back_as_it_was_enrolled(database: Database, root: Signer) -> None:
    device = Authenticator()
    key = enroll(database, device.enrolled("anna"), root)
    with database.reading() as tx:
        assert tx.approvers.get(device.key_id) == key == device.enrolled("anna")
        assert key.kind == "passkey"
        assert [one.fault for one in tx.approvers.listed("demo")] == [None, None]
        check_projections(tx, "demo")


def test_an_administrator_with_a_passkey_enrolls_revokes_and_issues_tokens(database: Database, root: Signer) -> None:
    device, person = Authenticator(counter=0), Authenticator()
    enroll(database, device.enrolled("ada", roles=(ADMINISTRATOR,)), root)
    wanted = person.enrolled("cora")
    enrolment = Enrolment(
        **about("ada"),
        name="cora",
        roles=wanted.roles,
        limit=wanted.limit,
        key_id=wanted.key_id,
        public_key=wanted.public_key,
        passkey=wanted.passkey,
    )
    key = take_enrolment(database, signed(enrolment, device), tenant="demo")
    assert (key.passkey, key.enrolled_by) == (person.passkey, "ada")
    database.trust = Trust(database.trust.administrators.path)  # another process, which has verified nothing yet
    with database.reading() as tx:
        assert tx.approvers.get(person.key_id) == key
    grant = AccessGrant(
        **about("ada"),
        name="care-desk",
        roles=("operator",),
        token_id="a" * 16,
        token_sha256="b" * 64,
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
    take_grant(database, signed(grant, device), tenant="demo")
    take_revocation(database, signed(Revocation(**about("ada"), key_id=person.key_id), device), tenant="demo")
    take_revocation(database, signed(Revocation(**about("ada"), key_id=device.key_id), device), tenant="demo")
    with database.reading() as tx:
        revoked = [tx.approvers.get(one.key_id) for one in (person, device)]
        assert [one is not None and one.revoked_by for one in revoked] == ["ada", "ada"]
        check_projections(tx, "demo")
    assert used(database) == [1, 2, 3, 4]


def test_a_passkey_signs_delegations_mandates_and_lifted_halts(database: Database, anna: Authenticator) -> None:
    record = take_delegation(database, signed(a_delegation(), anna), tenant="demo")
    assert record.key_id == anna.key_id
    now = datetime.now(UTC)
    mandate = a_mandate().model_copy(
        update={"signed_at": now, "valid_from": now, "valid_until": now + timedelta(days=2)}
    )
    kept = take_mandate(database, signed(mandate, anna), tenant="demo", policies=a_set(DEFAULT), declared=())
    assert kept.key_id == anna.key_id
    halt, _ = place_halt(
        database, tenant="demo", scope="tenant", subject="", by="olga", reason="wrong prices", agents=("retention",)
    )
    lift = Lift(**about("anna"), halt_id=halt.halt_id)
    lifted = lift_halt(database, signed(lift, anna), tenant="demo", policies={"retention": a_set(DEFAULT)})
    assert lifted.lifted_by == "anna"
    assert used(database) == [1, 2, 3]
    with database.reading() as tx:
        check_projections(tx, "demo")


def test_a_document_whose_counter_went_back_is_refused_and_recorded(database: Database, anna: Authenticator) -> None:
    anna.counter = 8
    document = signed(a_delegation(), anna)
    take_delegation(database, document, tenant="demo")
    take_delegation(database, document, tenant="demo")  # the same again changes nothing
    anna.counter = 5
    with pytest.raises(DecisionRefused) as caught:
        take_delegation(database, signed(a_delegation(), anna), tenant="demo")
    assert caught.value.code == "counter_rolled_back"
    with database.reading() as tx:
        (entry,) = [one for one in tx.audit.read("tenant/demo") if one.kind == "delegation.refused"]
        assert len(tx.delegations.list("demo")) == 1
    assert (entry.actor, entry.body["code"], entry.body["signer"]) == ("unverified", "counter_rolled_back", "anna")
    assert used(database) == [9]


def test_a_mirrored_signature_makes_no_second_document(database: Database, anna: Authenticator) -> None:
    statement = document_statement(a_delegation())
    answer = anna.answer(dsse.challenge_of(statement))
    take_delegation(database, dsse.envelope_of(statement, answer, anna.key_id), tenant="demo")
    other = dsse.envelope_of(statement, replace(answer, signature=mirrored(answer.signature)), anna.key_id)
    take_delegation(database, other, tenant="demo")  # the same delegation, taken already
    with database.reading() as tx:
        assert len(tx.delegations.list("demo")) == 1
        kinds = [one.kind for one in tx.audit.read("tenant/demo")]
    assert (kinds.count("delegation.signed"), kinds.count("passkey.used")) == (1, 1)


@pytest.mark.parametrize(
    "passkey",
    [
        None,
        {"origins": ["https://evil.example"], "rp_id": "evil.example"},
        {"origins": ["https://placet.example", "https://evil.placet.example"]},
    ],
)
def test_a_row_that_says_other_than_the_enrolment_counts_for_nothing(
    database: Database, database_url: str, anna: Authenticator, passkey: dict[str, Any] | None
) -> None:
    disarm(database_url, "approver_key")
    said = "NULL"
    if passkey is not None:
        said = f"'{canonical_bytes({**anna.passkey.model_dump(mode='json'), **passkey}).decode()}'"
    with outsider(database_url) as run:
        run(f"UPDATE approver_key SET passkey = {said} WHERE key_id = '{anna.key_id}'")  # noqa: S608
    with database.reading() as tx:
        assert tx.approvers.get(anna.key_id) is None
        assert any(one.row == anna.key_id for one in verify_projections(tx, "demo"))
    with pytest.raises(DecisionRefused) as caught:
        take_delegation(database, signed(a_delegation(), anna), tenant="demo")
    assert caught.value.code == "unknown_key"


def test_no_statement_changes_where_a_passkey_may_sign(
    database: Database, database_url: str, anna: Authenticator
) -> None:
    with outsider(database_url) as run, pytest.raises(Exception, match="approver_key can only be revoked"):
        run("UPDATE approver_key SET passkey = NULL")


@pytest.mark.parametrize(
    "change",
    [
        {"public_key": base64.b64encode(b"\x01" * 77).decode()},
        {"key_id": "0" * 64},
        {"passkey": None},
    ],
)
def test_an_enrolment_that_contradicts_itself_enrolls_nobody(
    database: Database, root: Signer, change: dict[str, Any]
) -> None:
    device = Authenticator()
    key = device.enrolled("anna").model_copy(update=change)
    with pytest.raises(GovernanceError):
        enroll(database, key, root)


def test_a_key_of_the_first_kind_is_written_as_it_always_was() -> None:
    """Documents, entries and exports of before keep their digests: the field of the second kind is not there."""
    fields: dict[str, Any] = {
        "tenant": "acme",
        "name": "maria.lopez",
        "roles": ("retention_lead",),
        "limit": None,
        "key_id": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
        "public_key": base64.b64encode(bytes(32)).decode(),
    }
    key = EnrolledKey(**fields, enrolled_by="root", enrolled_at=AT)
    enrolment = Enrolment(**fields, signer="root", signed_at=AT, document_id="0" * 32)
    assert "passkey" not in key.model_dump(mode="json")
    assert "passkey" not in key.model_dump_json()
    assert "passkey" not in enrolment.model_dump(mode="json")
    assert digest(enrolment) == "832960c4a945ef9d21df017b82f52511a87724da1eff7970fa1414879a7a74b6"


def a_use(counter: int, seconds: int = 0, statement: str | None = None) -> CounterUse:
    return CounterUse("c" * 64, counter, statement or f"{counter:064x}", AT + timedelta(seconds=seconds))


def note(database: Database, use: CounterUse) -> str:
    """What becomes of one signature."""
    try:
        with database.transaction() as tx:
            check_use(tx, "demo", use)
            note_use(tx, "demo", use, "anna", AT)
    except DecisionRefused as error:
        return error.code
    except StorageError:
        return "again"
    return "noted"


def test_counters_fit_when_their_order_is_that_of_the_signatures(database: Database) -> None:
    assert note(database, a_use(5, 50)) == "noted"
    assert note(database, a_use(5, 50)) == "noted"  # the same statement, at another run
    assert note(database, a_use(9, 90)) == "noted"
    assert note(database, a_use(7, 70)) == "noted"  # it comes later and was signed in between
    for use in (
        a_use(5, 95, "f" * 64),  # the number is taken
        a_use(6, 75),  # it was signed after 7
        a_use(8, 65),  # it was signed before 7
        a_use(6, 70),
        a_use(10, 90),
        a_use(4, 60),
        a_use(2**32 - 1, 0),
        a_use(0, 60),
    ):
        assert note(database, use) == "counter_rolled_back", use
    assert note(database, a_use(2**32 - 1, 100)) == "noted"
    assert note(database, a_use(1, 10)) == "noted"
    assert note(database, a_use(0, 5)) == "noted"
    assert note(database, CounterUse("d" * 64, 6, "e" * 64, AT)) == "noted"  # another key
    with database.reading() as tx:
        check_noted(tx, "demo", a_use(7, 70))
        check_noted(tx, "demo", None)
        for use in (a_use(7, 70, "f" * 64), a_use(6)):
            with pytest.raises(DecisionRefused) as caught:
                check_noted(tx, "demo", use)
            assert caught.value.code == "counter_unrecorded"


def test_of_signatures_that_contradict_each_other_at_the_same_moment_one_counts(database: Database) -> None:
    outcomes = together(6, lambda number: note(database, a_use(5, number, f"{number:064x}")))
    assert outcomes.count("noted") == 1
    assert set(outcomes) <= {"noted", "again", "counter_rolled_back"}
    # the other way round: each a higher number, each signed earlier
    outcomes = together(6, lambda number: note(database, a_use(100 + number, 100 - number)))
    assert outcomes.count("noted") == 1
    with database.reading() as tx:
        entries = [one for one in tx.audit.read("tenant/demo") if one.kind == "passkey.used"]
    assert len(entries) == 2


def test_counters_on_the_record_that_contradict_each_other_are_found(database: Database) -> None:
    with database.transaction() as tx:
        for use in (a_use(5, 50), a_use(9, 90), a_use(7, 95)):
            tx.audit.append(
                stream="tenant/demo",
                tenant="demo",
                run_id=None,
                kind="passkey.used",
                actor="anna",
                step_key=f"passkey.used.{use.key_id}.{use.counter:010d}",
                at=AT,
                body={
                    "key_id": use.key_id,
                    "counter": use.counter,
                    "statement": use.statement,
                    "signed_at": use.signed_at.isoformat(),
                },
            )
    with database.reading() as tx:
        (finding,) = verify_projections(tx, "demo")
    assert (finding.table, finding.row) == ("record", "tenant/demo")
    assert "says 9, and said 7" in finding.detail


def test_a_mirrored_batch_stands_on_the_record_twice_and_uses_the_passkey_once(
    database: Database, anna: Authenticator
) -> None:
    """The entry of a batch is under its envelope's digest. It permits nothing: each run decides by the decision id."""
    run_id, proposal = "run-" + "0" * 20, "c" * 64
    tree = MemberTree([BatchMember(run_id=run_id, proposal=proposal)])
    cost = Money(amount_minor=1000, currency="USD")
    bounds = BatchBounds(
        agent="retention", kinds=("adjust_balance",), treatments=("goodwill_credit",), max_cost=cost, total_cost=cost
    )
    batch = Batch(**about("anna"), verdict="approve", size=tree.size, root=tree.root, bounds=bounds)
    statement = document_statement(batch)
    answer = anna.answer(dsse.challenge_of(statement))
    texts = [
        shares(batch, tree, dsse.envelope_of(statement, one, anna.key_id))[run_id]
        for one in (answer, replace(answer, signature=mirrored(answer.signature)))
    ]
    assert texts[0] != texts[1]
    for text in (*texts, *texts):
        assert record_batch(database, "demo", text) == batch
    with database.reading() as tx:
        kinds = [one.kind for one in tx.audit.read("tenant/demo")]
    assert (kinds.count("batch.signed"), kinds.count("passkey.used")) == (2, 1)
    ids = {decision_id(read_batched(text, BatchMember(run_id=run_id, proposal=proposal))[0], run_id) for text in texts}
    assert len(ids) == 1
