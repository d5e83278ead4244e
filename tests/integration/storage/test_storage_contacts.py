"""What a customer was given, on both databases: settled, unknown, pending; not what was taken back or failed."""

from datetime import UTC, datetime, timedelta

from placet.contracts.receipt import Receipt
from placet.storage.database import Database
from placet.storage.transaction import Transaction
from tests.unit.support import a_proposal, a_request

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def run_id(number: int) -> str:
    return f"run-{number:020x}"


def a_run(tx: Transaction, number: int, *, reverses: int | None = None, customer: str = "C00001") -> str:
    """A run at its gate; the digest of its proposal."""
    changes = {"run_id": run_id(number), "key": str(number), "customer_id": customer}
    if reverses is not None:
        changes["reverses"] = run_id(reverses)
    tx.runs.request(a_request().model_copy(update={**changes, "requested_at": NOW}))
    proposal = a_proposal(100 * number).model_copy(update={"run_id": run_id(number)})
    digest = tx.artifacts.put_model("demo", proposal)
    tx.runs.set_state(run_id(number), "awaiting_decision", at=NOW, proposal=digest)
    return digest


def an_effect(tx: Transaction, number: int, digest: str, end: str, days_ago: int = 1) -> None:
    """An effect of a run, sent once unless it is `unsent`."""
    key = f"{number:064x}"
    at = NOW - timedelta(days=days_ago)
    tx.effects.claim(key, tenant="demo", run_id=run_id(number), proposal=digest, holder="w", now=at, lease_seconds=60)
    if end != "unsent":
        assert tx.effects.sending(key, holder="w", now=at, most=2)
    if end == "settled":
        receipt = Receipt(
            effect_key=key,
            external_id=f"x{number}",
            api="TMF654",
            confirmed_by="response",
            response_sha256=None,
            settled_at=at,
        )
        tx.effects.settle(key, receipt)
    elif end == "failed":
        tx.effects.fail(key, holder="w", code="no", detail="")
    elif end == "unknown":
        tx.effects.hold_unknown(key, detail="", holder="w")
    tx.runs.set_state(run_id(number), "failed" if end == "failed" else "executed", at=NOW)


def test_settled_and_unknown_and_sent_count_and_what_was_taken_back_does_not(database: Database) -> None:
    ends = {1: "settled", 2: "unknown", 3: "failed", 4: "open", 5: "unsent", 6: "settled"}
    with database.transaction() as tx:
        for number, end in ends.items():
            an_effect(tx, number, a_run(tx, number), end)
        an_effect(tx, 7, a_run(tx, 7, reverses=6), "settled")
        an_effect(tx, 8, a_run(tx, 8), "settled", days_ago=91)
        an_effect(tx, 9, a_run(tx, 9, customer="C00002"), "settled")
        a_run(tx, 10)
        a_run(tx, 11, reverses=1)
    with database.transaction() as tx:
        tx.contacts.lock("demo", "C00001")
        found = tx.contacts.of_customer("demo", "C00001", days=90, now=NOW, besides=run_id(99))
        sent = tx.contacts.of_customer("demo", "C00001", days=90, now=NOW, besides=run_id(1), pending=False)
    assert {(one.run_id, one.standing, one.cost.amount_minor if one.cost else None) for one in found.contacts} == {
        (run_id(1), "given", 100),
        (run_id(2), "unknown", 200),
        (run_id(4), "unknown", 400),
        (run_id(10), "pending", 1000),
    }
    assert [one.run_id for one in sent.contacts] == [run_id(2), run_id(4)]


def test_a_proposal_that_is_gone_or_altered_is_a_contact_of_which_nothing_is_known(database: Database) -> None:
    with database.transaction() as tx:
        a_run(tx, 1)
        an_effect(tx, 1, "0" * 64, "settled")
    with database.reading() as tx:
        (contact,) = tx.contacts.of_customer("demo", "C00001", days=90, now=NOW, besides=run_id(99)).contacts
    assert (contact.treatment, contact.cost, contact.standing) == (None, None, "given")
