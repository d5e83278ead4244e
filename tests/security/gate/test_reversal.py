"""What a run did is taken back by a governed run: exactly, once, decided by a second person, and linked both ways."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from agents.testing import ScriptedInference
from placet.contracts.proposal import AdjustBalance, OrderProduct
from placet.contracts.receipt import Receipt
from placet.contracts.run import RunRequest
from placet.errors import GovernanceError, UsageError
from placet.gate.context import end
from placet.gate.reversal import open_reversal
from placet.service import runs as run_operations
from placet.service.reversals import request_reversal, reverse_run
from placet.storage.database import Database
from tests.support.databases import together
from tests.support.guard import GUARD
from tests.support.world import EXECUTED_RECORD, Approver, World

CUSTOMER = "C00005"
BUCKET = "/tmf-api/prepayBalanceManagement/v4/bucket/B-{}"
ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
PRODUCTS = "/tmf-api/productInventory/v4/product?relatedParty.id={}"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reverse(world: World, run_id: str, by: str = "omar", reason: str = "granted twice") -> str:
    """Ask for the reversal and start it; its run id."""
    asked = request_reversal(
        world.database, run_id=run_id, tenant=world.settings.tenant, requested_by=by, reason=reason
    )
    return world.run(reverse_run(world.database, world.engine, asked)).run_id


def balance(world: World, customer: str = CUSTOMER) -> int:
    """What the bucket holds, in cents."""
    amount: float = world.bss(BUCKET.format(customer))["remainingValue"]["amount"]
    return round(amount * 100)


def spend(world: World, cents: int, customer: str = CUSTOMER) -> None:
    """Let the customer use up some of their balance."""
    body = {
        "adjustType": "generalDebit",
        "amount": {"amount": cents / 100, "units": "USD"},
        "bucket": {"id": f"B-{customer}"},
    }
    httpx.post(f"{world.settings.bss_url}{ADJUST}", json=body, timeout=GUARD).raise_for_status()


def executed(world: World, anna: Approver, customer: str = CUSTOMER) -> str:
    """A run that executed."""
    run_id = world.pending(customer)
    world.approve(run_id, anna)
    return run_id


def refused(world: World, run_id: str) -> str:
    """Ask for a reversal that is refused; the code."""
    with pytest.raises(GovernanceError) as no:
        reverse(world, run_id)
    return no.value.code


def test_a_credit_is_taken_back_to_the_cent_and_both_records_say_so(a_world: World, anna: Approver) -> None:
    before = balance(a_world)
    original = executed(a_world, anna)
    given = a_world.proposal(original).mutation
    assert isinstance(given, AdjustBalance)
    assert balance(a_world) == before + given.amount.amount_minor

    reversal = reverse(a_world, original)
    a_world.wait(reversal, "awaiting_decision")
    proposal = a_world.proposal(reversal)
    assert proposal.mutation == given.model_copy(update={"direction": "debit", "reason": f"Reversal of {original}"})
    assert (proposal.treatment, proposal.reverses, proposal.triggered_by) == ("reversal", original, "omar")
    assert (proposal.cost, proposal.expected_value_minor, proposal.model_use) == (given.amount, None, ())
    assert [candidate.treatment for candidate in proposal.candidates] == ["reversal", "nothing"]
    assert [reason.detail for reason in proposal.candidates[0].reasons_for] == [
        f"takes back “{a_world.proposal(original).treatment_name}” of {original}",
        "omar wrote: “granted twice”",
    ]
    assert balance(a_world) == before + given.amount.amount_minor

    a_world.approve(reversal, anna)
    assert balance(a_world) == before
    assert a_world.record(reversal).reverses == original
    assert [event.kind for event in a_world.events(reversal)] == EXECUTED_RECORD
    requested = a_world.events(reversal, "run.requested")[0]
    assert (requested.actor, requested.body["reverses"], requested.body["reason"]) == (
        "omar",
        original,
        "granted twice",
    )
    asked, reversed_ = a_world.events(original)[len(EXECUTED_RECORD) :]
    assert (asked.kind, asked.actor, asked.body) == (
        "run.reversal_requested",
        "omar",
        {"reversal": reversal, "reason": "granted twice"},
    )
    assert (reversed_.kind, reversed_.body) == ("run.reversed", {"reversal": reversal})
    assert a_world.record(original).state == "executed"
    with a_world.database.reading() as tx:
        tx.audit.verify(original)
        tx.audit.verify(reversal)


def test_no_model_is_asked_and_only_the_balance_is_read(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    a_world.stop_worker()
    a_world.inference = ScriptedInference({"analyse": {"risk": "no such"}, "propose": {"treatment": "no such"}})
    a_world.start_worker()
    reversal = reverse(a_world, original)
    a_world.wait(reversal, "awaiting_decision")
    (analysed,) = a_world.events(reversal, "analyse.completed")
    (queried,) = a_world.events(reversal, "query_billing.completed")
    assert (analysed.actor, analysed.body["model_use"]) == ("worker", [])
    assert analysed.body["risk"] == a_world.events(original, "analyse.completed")[0].body["risk"]
    assert queried.body["operations"] == ["balances"]
    assert a_world.events(reversal, "propose.completed")[0].actor == "worker"


def test_who_asks_for_a_reversal_cannot_approve_it(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    before = balance(a_world)
    reversal = reverse(a_world, original, by="anna")
    a_world.wait(reversal, "awaiting_decision")
    a_world.send(reversal, a_world.sign(reversal, anna))
    assert a_world.refusal(reversal) == "unentitled"
    assert balance(a_world) == before
    a_world.approve(reversal, a_world.approver("berta"))


def test_an_approvers_limit_counts_for_what_is_taken_away(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    reversal = reverse(a_world, original)
    a_world.wait(reversal, "awaiting_decision")
    junior = a_world.approver("junior", limit="0.01 USD")
    a_world.send(reversal, a_world.sign(reversal, junior))
    assert a_world.refusal(reversal) == "unentitled"


def test_a_credit_spent_meanwhile_is_not_taken_back_in_part(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    given = a_world.proposal(original).cost.amount_minor
    first = reverse(a_world, original)
    a_world.wait(first, "awaiting_decision")
    spend(a_world, balance(a_world) - given + 1)
    a_world.send(first, a_world.sign(first, anna))
    record = a_world.wait(first, "denied")
    assert record.code == "precondition_changed"
    assert balance(a_world) == given - 1
    assert a_world.events(original, "run.reversed") == []

    # Asked again while it is still spent, it proposes nothing; it stays free to be asked for once more.
    second = reverse(a_world, original)
    record = a_world.wait(second, "no_action")
    assert f"{original} cannot be taken back; 6.99 USD remain, less than the 7.00 USD credited" in record.detail
    assert balance(a_world) == given - 1


def test_a_reversal_is_done_once(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    reversal = reverse(a_world, original)
    assert refused(a_world, original) == "reversal_under_way"
    a_world.wait(reversal, "awaiting_decision")
    assert refused(a_world, original) == "reversal_under_way"
    a_world.approve(reversal, anna)
    assert refused(a_world, original) == "already_reversed"
    assert refused(a_world, reversal) == "is_reversal"
    assert len(a_world.events(original, "run.reversal_requested")) == 1
    assert a_world.effects()["adjustments"] == 2


def test_a_rejected_reversal_can_be_asked_for_again(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    first = reverse(a_world, original)
    a_world.wait(first, "awaiting_decision")
    assert refused(a_world, first) == "is_reversal"
    a_world.send(first, a_world.sign(first, anna, "reject"))
    a_world.wait(first, "rejected")
    second = reverse(a_world, original)
    assert second != first
    a_world.wait(second, "awaiting_decision")
    a_world.approve(second, anna)
    assert [event.body["reversal"] for event in a_world.events(original, "run.reversed")] == [second]


def test_only_what_was_executed_is_reversed(a_world: World, anna: Approver) -> None:
    waiting = a_world.pending(CUSTOMER)
    assert refused(a_world, waiting) == "not_executed"
    a_world.send(waiting, a_world.sign(waiting, anna, "reject"))
    a_world.wait(waiting, "rejected")
    assert refused(a_world, waiting) == "not_executed"
    for unknown in ("run-" + "0" * 20, "nonsense"):
        with pytest.raises(UsageError, match="see `placet run list`"):
            reverse(a_world, unknown)
    assert a_world.events(waiting, "run.reversal_requested") == []


@pytest.mark.parametrize("forged", ["second", "other customer", "never executed"])
def test_a_reversal_started_past_the_interfaces_is_checked_all_the_same(
    a_world: World, anna: Approver, forged: str
) -> None:
    original = executed(a_world, anna)
    request = a_world.request(CUSTOMER, by="mallory").model_copy(update={"reverses": original})
    if forged == "second":
        a_world.wait(reverse(a_world, original), "awaiting_decision")
        code = "reversal_under_way"
    elif forged == "other customer":
        request = request.model_copy(update={"customer_id": "C00006"})
        code = "unknown_original"
    else:
        request = request.model_copy(update={"reverses": a_world.pending(CUSTOMER)})
        code = "not_executed"
    asked = len(a_world.events(str(request.reverses), "run.reversal_requested"))
    run_operations.record_request(a_world.database, request)
    a_world.run(a_world.engine.start(request))
    record = a_world.wait(request.run_id, "failed")
    assert record.code == code
    assert a_world.effects()["adjustments"] == 1
    assert len(a_world.events(str(request.reverses), "run.reversal_requested")) == asked


def test_a_reversal_that_was_recorded_by_other_means_is_linked_both_ways_too(a_world: World, anna: Approver) -> None:
    original = executed(a_world, anna)
    request = a_world.request(CUSTOMER, by="upstream").model_copy(update={"reverses": original})
    run_operations.record_request(a_world.database, request)
    a_world.run(a_world.engine.start(request))
    a_world.wait(request.run_id, "awaiting_decision")
    (asked,) = a_world.events(original, "run.reversal_requested")
    assert (asked.actor, asked.body) == ("upstream", {"reversal": request.run_id, "reason": ""})


def test_a_reversal_that_was_recorded_and_not_started_is_started_by_asking_again(
    a_world: World, anna: Approver
) -> None:
    original = executed(a_world, anna)
    tenant = a_world.settings.tenant
    asked = request_reversal(a_world.database, run_id=original, tenant=tenant, requested_by="omar", reason="first")
    # Temporal was away; somebody else asks later.
    reversal = reverse(a_world, original, by="nina", reason="second")
    assert reversal == asked.request.run_id
    a_world.wait(reversal, "awaiting_decision")
    assert a_world.proposal(reversal).triggered_by == "omar"
    assert [event.body["reason"] for event in a_world.events(original, "run.reversal_requested")] == ["first"]


@pytest.mark.parametrize("reason", ["x" * 501, "a\x00b"])
def test_a_reason_that_cannot_be_kept_starts_nothing(a_world: World, anna: Approver, reason: str) -> None:
    original = executed(a_world, anna)
    with pytest.raises(UsageError, match="malformed: reason "):
        reverse(a_world, original, reason=reason)
    assert a_world.events(original, "run.reversal_requested") == []


def test_an_added_product_is_ended_and_no_other(make_world: Callable[..., World]) -> None:
    world = make_world()
    anna = world.approver("anna")
    before = world.bss(PRODUCTS.format("C00007"))
    original = executed(world, anna, "C00007")
    added = world.proposal(original).mutation
    assert isinstance(added, OrderProduct)
    assert (added.action, added.offering_id) == ("add", "PO-contract-12m")
    reversal = reverse(world, original)
    world.wait(reversal, "awaiting_decision")
    ends = world.proposal(reversal).mutation
    assert isinstance(ends, OrderProduct)
    assert (ends.action, ends.offering_id) == ("delete", "PO-contract-12m")
    assert world.proposal(reversal).cost == world.proposal(original).cost
    world.approve(reversal, anna)
    assert world.bss(PRODUCTS.format("C00007")) == before


def test_a_moved_product_moves_back_and_one_that_moved_on_stays(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.stop_worker()
    world.inference = ScriptedInference({"propose": {"treatment": "plan_change"}})
    world.start_worker()
    anna = world.approver("anna")
    original = executed(world, anna, "C00172")

    def offering() -> str:
        product = world.bss("/tmf-api/productInventory/v4/product/P-C00172-internet")
        return str(product["productOffering"]["id"])

    assert offering() == "PO-internet-fiber-saver"
    first = reverse(world, original)
    world.wait(first, "awaiting_decision")
    move = {"id": "1", "action": "modify", "product": {"id": "P-C00172-internet"}, "productOffering": {"id": "PO-3"}}
    order(world, "C00172", move)
    world.send(first, world.sign(first, anna))
    assert world.wait(first, "denied").code == "precondition_changed"
    assert offering() == "PO-3"

    order(world, "C00172", {**move, "productOffering": {"id": "PO-internet-fiber-saver"}})
    second = reverse(world, original)
    world.wait(second, "awaiting_decision")
    world.approve(second, anna)
    assert offering() == "PO-internet-fiber"


def order(world: World, customer: str, item: dict[str, Any]) -> None:
    """Order something behind our back."""
    body = {"relatedParty": [{"id": customer, "role": "customer"}], "productOrderItem": [item]}
    path = "/tmf-api/productOrderingManagement/v4/productOrder"
    httpx.post(f"{world.settings.bss_url}{path}", json=body, timeout=GUARD).raise_for_status()


def an_executed_run(database: Database) -> RunRequest:
    """The record of a run that executed, as far as asking for its reversal looks."""
    request = a_request("k")
    receipt = Receipt(
        effect_key="e" * 64,
        external_id="ADJ-1",
        api="TMF654",
        confirmed_by="response",
        response_sha256=None,
        settled_at=AT,
    )
    with database.transaction() as tx:
        tx.runs.request(request)
        tx.runs.set_state(request.run_id, "executed", at=AT, code="executed", receipt=receipt)
        end(tx, request, "executed", "executed", "", AT)
    return request


def a_request(key: str, **changes: Any) -> RunRequest:
    values = {"tenant": "demo", "customer_id": CUSTOMER, "agent": "retention", "requested_by": "olga"}
    run_id = "run-" + secrets.token_hex(10)
    return RunRequest.model_validate({"run_id": run_id, "key": key, "requested_at": AT, **values, **changes})


def test_of_people_who_ask_at_once_one_starts_the_reversal(database: Database) -> None:
    original = an_executed_run(database)

    def ask(number: int) -> tuple[str, bool, str]:
        asked = request_reversal(
            database, run_id=original.run_id, tenant="demo", requested_by=f"person{number}", reason=""
        )
        return asked.request.run_id, asked.new, asked.request.requested_by

    answers = together(8, ask)
    assert sorted(new for _, new, _ in answers) == [False] * 7 + [True]
    assert len({(run_id, by) for run_id, _, by in answers}) == 1
    with database.reading() as tx:
        assert len(tx.runs.reversals_of(original.run_id)) == 1
        assert [event.kind for event in tx.audit.read(original.run_id)] == ["run.ended", "run.reversal_requested"]


def test_of_reversals_that_open_at_once_under_keys_of_their_own_one_goes_on(database: Database) -> None:
    original = an_executed_run(database)

    def begin(number: int) -> str:
        request = a_request(f"own-{number}", reverses=original.run_id)
        try:
            with database.transaction() as tx:
                tx.runs.request(request)
                open_reversal(tx, request, original.run_id, AT)
        except GovernanceError as error:
            return error.code
        return "open"

    assert sorted(together(8, begin)) == ["open"] + ["reversal_under_way"] * 7
