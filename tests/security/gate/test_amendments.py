"""Amendments at the running system: a new digest, signed, asked of policy again, both versions kept (promise 2)."""

import asyncio
from datetime import timedelta

from placet.contracts.proposal import AdjustBalance, Proposal
from placet.engine.payload_keys import load_or_create_key
from placet.governance.signing.canonical import digest
from placet.governance.signing.keys import public_bytes
from placet.replay import judge
from tests.support.world import Approver, World


def amount(proposal: Proposal) -> int:
    assert isinstance(proposal.mutation, AdjustBalance)
    return proposal.mutation.amount.amount_minor


def test_less_credit_is_what_executes_and_both_versions_are_kept(a_world: World, run_id: str, anna: Approver) -> None:
    before, original = a_world.record(run_id).proposal, a_world.proposal(run_id)
    assert amount(original) > 500
    _, envelope = a_world.sign_amendment(run_id, anna, amount="5.00 USD")
    a_world.send(run_id, envelope)
    after = a_world.wait(run_id, "executed").proposal
    changed = a_world.proposal(run_id)
    assert (after, changed.amends, changed.amended_by) == (digest(changed), before, "anna")
    assert (amount(changed), changed.cost.amount_minor, changed.original_cost) == (500, 500, original.cost)
    with a_world.database.reading() as tx:
        assert tx.artifacts.get_model(str(before), Proposal) == original
    (adjustment,) = a_world.bss("/tmf-api/prepayBalanceManagement/v4/adjustBalance?bucket.id=B-C00005")
    assert adjustment["amount"]["amount"] == 5
    (entry,) = a_world.events(run_id, "approve.amended")
    assert (entry.actor, entry.body["amends"], entry.body["proposal"]) == ("anna", before, after)
    keys = {anna.key.key_id: public_bytes(anna.key.private.public_key())}
    a_world.run(a_world.engine.handle(run_id).result())  # the record shows the end a moment before Temporal does
    history = a_world.run(a_world.engine.history(run_id))
    verdict = asyncio.run(judge(history, load_or_create_key(a_world.settings.payload_key), keys))
    assert (verdict.faults, verdict.proposal) == ([], after)


def test_another_treatment_that_was_eligible_can_be_chosen_instead(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00009")
    original = a_world.proposal(run_id)
    other = next(
        one for one in original.candidates if one.eligible and one.mutation and one.treatment != original.treatment
    )
    _, envelope = a_world.sign_amendment(run_id, anna, treatment=other.treatment)
    a_world.send(run_id, envelope)
    a_world.wait(run_id, "executed")
    changed = a_world.proposal(run_id)
    assert (changed.treatment, changed.mutation, changed.preconditions) == (
        other.treatment,
        other.mutation,
        other.preconditions,
    )


def test_more_credit_is_no_amendment(a_world: World, run_id: str, anna: Approver) -> None:
    """The signature is made by hand: our own tools refuse to make it."""
    original = a_world.proposal(run_id)
    mutation = original.mutation
    assert isinstance(mutation, AdjustBalance)
    more = mutation.amount.model_copy(update={"amount_minor": 82_000})
    raised = original.model_copy(update={"mutation": mutation.model_copy(update={"amount": more})})
    amendment = {"amends": a_world.record(run_id).proposal, "amount": more}
    envelope = a_world.sign(run_id, anna, "amend", proposal=digest(raised), amendment=amendment)
    a_world.send(run_id, envelope)
    assert a_world.refusal(run_id) == "amendment_out_of_bounds"
    assert a_world.record(run_id).state == "awaiting_decision"


def test_an_amendment_signed_over_another_result_is_refused(a_world: World, run_id: str, anna: Approver) -> None:
    amendment = {"amends": a_world.record(run_id).proposal, "amount": {"amount_minor": 500, "currency": "USD"}}
    a_world.send(run_id, a_world.sign(run_id, anna, "amend", proposal="f" * 64, amendment=amendment))
    assert a_world.refusal(run_id) == "stale"


def test_what_policy_forbids_cannot_be_amended_into_being(a_world: World, run_id: str, anna: Approver) -> None:
    forbid = '@id("no-small-change")\nforbid (principal, action == Action::"propose", resource)\nwhen {{ {} }};\n'
    a_world.edit_policy(lambda text: text + forbid.format('resource.amended_by != "" && resource.cost_minor < 600'))
    _, envelope = a_world.sign_amendment(run_id, anna, amount="5.00 USD")
    a_world.send(run_id, envelope)
    assert a_world.refusal(run_id) == "policy_denied"
    a_world.approve(run_id, anna)


def test_an_amendment_voids_the_approvals_of_what_it_amends(a_world: World, anna: Approver) -> None:
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    run_id = a_world.pending("C00005")
    first = a_world.sign(run_id, anna)
    a_world.send(run_id, first)
    a_world.until(lambda: len(a_world.events(run_id, "approve.decided")) == 1, "anna's approval")
    old = a_world.record(run_id).proposal
    ben, cora = a_world.approver("ben"), a_world.approver("cora")
    _, envelope = a_world.sign_amendment(run_id, ben, amount="5.00 USD")
    a_world.send(run_id, envelope)
    a_world.until(lambda: len(a_world.events(run_id, "approve.decided")) == 2, "ben's amendment")
    assert a_world.record(run_id).state == "awaiting_decision"
    a_world.send(run_id, a_world.sign(run_id, cora, proposal=str(old)))
    assert a_world.refusal(run_id) == "stale"
    a_world.send(run_id, a_world.sign(run_id, ben))
    assert a_world.refusal(run_id, 2) == "same_person"
    # Anna approved the old version; of the new one she may still be the second.
    a_world.approve(run_id, anna)
    assert a_world.effects()["adjustments"] == 1
    assert amount(a_world.proposal(run_id)) == 500


def test_who_may_not_decide_it_as_it_is_may_not_change_it(a_world: World, run_id: str, anna: Approver) -> None:
    junior = a_world.approver("junior", limit="6.00 USD")
    a_world.send(run_id, a_world.sign_amendment(run_id, junior, amount="5.00 USD")[1])
    assert a_world.refusal(run_id) == "unentitled"
    a_world.approve(run_id, anna)


def test_an_amended_proposal_is_left_to_whom_todays_policy_asks(a_world: World, run_id: str, anna: Approver) -> None:
    a_world.edit_policy(lambda text: text.replace('"care_manager")', '"finance_head")').replace('"72h"', '"1h"'))
    a_world.edit_policy(lambda text: text.replace('"48h"', '"30m"').replace('"24h"', '"10m"'))
    opened = a_world.run(a_world.engine.status(run_id)).gate
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    a_world.send(run_id, a_world.sign_amendment(run_id, anna, amount="5.00 USD")[1])
    a_world.until(lambda: bool(a_world.events(run_id, "approve.amended")), "the amendment")
    now = a_world.run(a_world.engine.status(run_id)).gate
    assert opened is not None
    assert now is not None
    assert (now.escalate_to, now.escalate_at) == ("finance_head", opened.opened_at + timedelta(minutes=30))
    assert now.expires_at == opened.opened_at + timedelta(hours=1)


def test_an_amendment_does_not_keep_the_gate_open_for_longer(a_world: World, run_id: str, anna: Approver) -> None:
    ends = a_world.run(a_world.engine.status(run_id)).gate
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")').replace('"72h"', '"96h"'))
    _, envelope = a_world.sign_amendment(run_id, anna, amount="5.00 USD")
    a_world.send(run_id, envelope)
    a_world.until(lambda: bool(a_world.events(run_id, "approve.amended")), "the amendment")
    now = a_world.run(a_world.engine.status(run_id)).gate
    assert ends is not None
    assert now is not None
    assert (now.quorum, now.expires_at) == (2, ends.expires_at)
