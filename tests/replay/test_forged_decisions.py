"""What counted was signed: by distinct people, for this run, in time. Forged with stolen keys and the payload key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.decision import Amendment
from placet.contracts.proposal import Proposal
from placet.governance.amendments import amended
from placet.governance.effects import effect_key
from placet.governance.signing.canonical import digest
from tests.replay.forging import Forgery, Json, Said, Signer, amended_document

OTHER = "run-" + "f" * 20


def approved(forged: Forgery, *decisions: Said, quorum: int = 1) -> Forgery:
    """The recorded run, which has two reviews, with these decisions in place of what was signalled."""
    forged.answer("open_gate", lambda gate: {**gate, "quorum": quorum})
    for number in range(2):
        counted = decisions[: number + 1] if len(decisions) > 1 else decisions[:number]
        coming = decisions[number] if len(decisions) > 1 else decisions[0] if number else None
        forged.signal(number, "nothing" if coming is None else coming.envelope).accept(number, *counted)
    return forged.execute(*decisions)


def test_a_history_forged_with_every_key_it_needs_is_sound() -> None:
    forged, anna, ben = Forgery("executed"), Signer(), Signer()
    decisions = forged.say("anna", anna), forged.say("ben", ben)
    verdict = approved(forged, *decisions, quorum=2).verdict(anna, ben)
    assert verdict.faults == []
    assert verdict.decisions == [one.digest for one in decisions]


def test_two_names_on_one_key_are_one_person() -> None:
    forged, anna = Forgery("executed"), Signer()
    approved(forged, forged.say("anna", anna), forged.say("ben", anna), quorum=2)
    assert forged.faults(anna) == [f"key {anna.key_id[:16]} signed as 'anna' and as 'ben'"]


def test_one_name_on_two_keys_is_one_person() -> None:
    forged, first, second = Forgery("executed"), Signer(), Signer()
    decisions = forged.say("anna", first), forged.say("anna", second, decision_id="1" * 32)
    (answer, effect) = approved(forged, *decisions, quorum=2).faults(first, second)
    assert answer == "the gate was answered with 'approve', which the accepted decisions do not say"
    assert effect.endswith("was executed without the accepted approvals it needs")


def test_an_effect_after_a_rejection_is_found_out() -> None:
    forged, dan, ben = Forgery("executed"), Signer(), Signer()
    no, yes = forged.say("dan", dan, "reject"), forged.say("ben", ben)
    forged.signal(0, no.envelope).accept(0, no).signal(1, yes.envelope).accept(1, yes).execute(yes)
    (answer, effect) = forged.faults(dan, ben)
    assert answer == "the gate was answered with None, which the accepted decisions do not say"
    assert effect.endswith("was executed although 'dan' had rejected it")


@pytest.mark.parametrize(
    ("shift", "fault"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), "before its gate opened"),
        (timedelta(seconds=-70), "before its gate opened"),
        (timedelta(minutes=3), "after it had been accepted"),
        (timedelta(days=4), "after its gate closed"),
    ],
)
def test_a_signature_of_another_time_is_found_out(shift: datetime | timedelta, fault: str) -> None:
    forged, ben = Forgery("executed"), Signer()
    at = shift if isinstance(shift, datetime) else forged.at() + shift
    assert fault in approved(forged, forged.say("ben", ben, decided_at=at)).faults(ben)[0]


@pytest.mark.parametrize("shift", [timedelta(seconds=-50), timedelta(seconds=50)])
def test_clocks_may_be_off_by_what_is_tolerated(shift: timedelta) -> None:
    forged, ben = Forgery("executed"), Signer()
    assert approved(forged, forged.say("ben", ben, decided_at=forged.at() + shift)).faults(ben) == []


@pytest.mark.parametrize(("run_id", "tenant"), [(OTHER, "demo"), (None, "other"), (OTHER, "other")])
def test_a_signature_for_another_run_or_tenant_is_found_out(run_id: str | None, tenant: str) -> None:
    forged, ben = Forgery("executed"), Signer()
    run = run_id or forged.run_id
    said = forged.say("ben", ben, run_id=run, tenant=tenant)
    assert approved(forged, said).faults(ben) == [
        f"decision {said.digest} was signed for run {run!r} of tenant {tenant!r}, not for this run"
    ]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("reason", "what nobody signed"),
        ("approver", "carl"),
        ("decision_id", "2" * 32),
        ("decided_at", "2026-11-22T00:00:00Z"),
        ("batch", "3" * 64),
        ("key_id", "4" * 64),
    ],
)
def test_what_the_workflow_was_told_is_what_was_signed(part: str, value: str) -> None:
    forged, ben = Forgery("executed"), Signer()
    said = forged.say("ben", ben)
    said.accepted[part] = value
    (fault,) = approved(forged, said).faults(ben)
    assert fault.startswith(f"decision {said.digest} was signed with {part} ")


def test_an_answer_to_another_question_does_not_approve() -> None:
    forged, ben = Forgery("executed"), Signer()
    said = forged.say("ben", ben, "confirm_executed")
    faults = approved(forged, said).faults(ben)
    assert faults[0] == f"decision {said.digest} says 'confirm_executed', which does not answer what was asked"


def test_one_signature_decides_once() -> None:
    forged, anna, ben = Forgery("executed"), Signer(), Signer()
    decisions = forged.say("anna", anna, decision_id="5" * 32), forged.say("ben", ben, decision_id="5" * 32)
    assert approved(forged, *decisions, quorum=2).faults(anna, ben) == [f"decision id {'5' * 32} was used twice"]


def test_a_gate_is_not_passed_on_fewer_approvals_than_it_asks_for() -> None:
    forged, ben = Forgery("executed"), Signer()
    (answer, effect) = approved(forged, forged.say("ben", ben), quorum=2).faults(ben)
    assert answer == "the gate was answered with 'approve', which the accepted decisions do not say"
    assert effect.endswith("was executed without the accepted approvals it needs")


def test_a_key_that_was_not_brought_signs_nothing() -> None:
    forged, ben = Forgery("executed"), Signer()
    (fault,) = approved(forged, forged.say("ben", ben)).faults(Signer())
    assert fault.endswith(f"is no decision signed by a key that was given: key {ben.key_id[:16]} is none of them")


def test_whose_key_it_is_is_checked_where_the_auditor_says_so() -> None:
    forged, ben = Forgery("executed"), Signer()
    approved(forged, forged.say("ben", ben))
    assert forged.faults(ben, holders={ben.key_id: "ben"}) == []
    (fault,) = forged.faults(ben, holders={ben.key_id: "carl"})
    assert fault.endswith("signed with the key of 'carl' in the name of 'ben'")


def test_who_decided_what_they_triggered_is_said_and_so_is_what_is_not_checked() -> None:
    forged, olga = Forgery("executed"), Signer()
    verdict = approved(forged, forged.say("olga", olga)).verdict(olga)
    assert verdict.faults == []
    assert "'olga' triggered the run and decided it, or let it be decided in their stead" in verdict.notes
    unchecked = next(note for note in verdict.notes if note.startswith("not checked here: policy"))
    for word in ("four eyes", "roles", "delegations", f"placet policy explain {forged.run_id}", "placet audit verify"):
        assert word in unchecked


def relabelled(forged: Forgery) -> Forgery:
    """The whole run under another name, for another customer; only proposal and signature are the old run's."""

    def request(value: Json) -> Json:
        return {**value, "run_id": OTHER, "customer_id": "C99999"}

    forged.request(request).result(lambda value: {**value, "run_id": OTHER}).ask("analyse", request)
    for step in ("query_billing", "propose", "execute"):
        forged.ask(step, lambda value: {**value, "run": request(value["run"])})
    forged.events[0]["workflowExecutionStartedEventAttributes"]["workflowId"] = OTHER
    return forged.seal_for(OTHER)


def test_a_run_under_another_name_is_found_out() -> None:
    forged = Forgery("executed")
    old, proposal = forged.run_id, forged.answered("propose")[0]["digest"]
    envelope = forged.answered("review_decisions")[1]["decisions"][0]["envelope_digest"]
    faults = relabelled(forged).faults()
    assert faults[:4] == [
        f"proposal {proposal} is of run_id {old!r}, the request of {OTHER!r}",
        f"proposal {proposal} is of customer_id 'C00005', the request of 'C99999'",
        f"proposal {proposal} changes customer 'C00005', the request is for 'C99999'",
        f"decision {envelope} was signed for run {old!r} of tenant 'demo', not for this run",
    ]
    assert faults[4].startswith("the receipt is of effect ")


def test_a_history_under_another_runs_name_takes_the_payload_key_to_write() -> None:
    forged = Forgery("executed")
    forged.document["workflowId"] = OTHER
    assert forged.faults() == [
        "the history holds what was not written for this run: a payload was altered, or sealed for another workflow"
    ]


@pytest.mark.parametrize("part", ["exported", "started"])
def test_a_workflow_that_bears_another_runs_id_is_found_out(part: str) -> None:
    forged = Forgery("executed")
    if part == "exported":
        forged.seal_for(OTHER)
    else:
        forged.events[0]["workflowExecutionStartedEventAttributes"]["workflowId"] = OTHER
    fault = f"the request is of run {forged.answered('propose')[0]['proposal']['run_id']!r}, the workflow was {part} as"
    assert any(one.startswith(fault) for one in forged.faults())


def less(forged: Forgery, proposal: Json, signer: Signer, by: str, minor: int) -> tuple[Json, str, Said]:
    """A signed amendment to a smaller credit, and what it makes."""
    own = Proposal.model_validate(proposal)
    amendment = Amendment(amends=digest(own), amount=Money(amount_minor=minor, currency="USD"))
    changed = amended(own, amendment, by, "seen")
    made = digest(changed)
    said = forged.say(by, signer, "amend", proposal=made, amendment=amendment)
    return changed.model_dump(mode="json"), made, said


def receipt_for(forged: Forgery, made: str) -> Forgery:
    """Let the receipt be of the effect of `made`."""

    def settle(outcome: Any) -> None:
        outcome["receipt"]["effect_key"] = effect_key(forged.run_id, made)

    return forged.answer("execute", settle).result(settle)


def test_an_amendment_that_nobody_signed_is_found_out() -> None:
    forged, ben, anna = Forgery("amended"), Signer(), Signer()
    own = forged.proposal
    raised = {**own["mutation"], "amount": {"amount_minor": 8_200_000, "currency": "USD"}}
    before = digest(Proposal.model_validate(own))
    proposal = amended_document(own, mutation=raised, amends=before, amended_by="ben", original_cost=own["cost"])
    made = digest(Proposal.model_validate(proposal))
    yes = forged.say("anna", anna, proposal=made)
    change = {"proposal": proposal, "digest": made, "gate": forged.answered("open_gate")[0]}
    forged.answer("open_gate", lambda gate: {**gate, "quorum": 1})
    change["gate"]["quorum"] = 1
    forged.signal(0, "nothing").signal(1, less(forged, own, ben, "ben", 500)[2].envelope).signal(2, yes.envelope)
    forged.accept(0).accept(1, amended=change).accept(2, yes)
    receipt_for(forged.execute(yes, proposal=made), made)
    assert forged.faults(ben, anna) == [
        f"proposal {made} was never made of the one before it by an amendment that 'ben' signed and sent"
    ]


def test_an_amendment_of_an_amendment_derives_step_by_step() -> None:
    forged, ben, carl, anna = Forgery("amended"), Signer(), Signer(), Signer()
    first, _, amends = less(forged, forged.proposal, ben, "ben", 600)
    second, made, again = less(forged, first, carl, "carl", 500)
    gate = forged.answered("open_gate")[0]
    yes = forged.say("anna", anna, proposal=made)
    change = {"proposal": second, "digest": made, "gate": gate}
    forged.signal(0, amends.envelope).signal(1, again.envelope).signal(2, yes.envelope)
    forged.accept(0).accept(1, again, amended=change).accept(2, again, yes)
    receipt_for(forged.execute(again, yes, proposal=made), made)
    assert forged.faults(ben, carl, anna) == []
    # Without its first step nobody can tell where the second one came from.
    assert forged.signal(0, "nothing").faults(ben, carl, anna) == [
        f"proposal {made} was never made of the one before it by an amendment that 'carl' signed and sent"
    ]


def test_an_amended_proposals_gate_stays_open_no_longer_than_the_first() -> None:
    forged, ben, anna = Forgery("amended"), Signer(), Signer()
    changed, made, amends = less(forged, forged.proposal, ben, "ben", 500)
    gate = {**forged.answered("open_gate")[0], "expires_at": "2036-01-01T00:00:00Z"}
    yes = forged.say("anna", anna, proposal=made)
    change = {"proposal": changed, "digest": made, "gate": gate}
    forged.signal(0, "nothing").signal(1, amends.envelope).signal(2, yes.envelope)
    forged.accept(0).accept(1, amends, amended=change).accept(2, amends, yes)
    receipt_for(forged.execute(amends, yes, proposal=made), made)
    faults = forged.faults(ben, anna)
    assert f"the gate of the amended proposal {made} is another one than the first, or open for longer" in faults


def test_the_agents_own_proposal_was_amended_by_nobody() -> None:
    forged = Forgery("expired")
    proposal = amended_document(forged.proposal, amended_by="ben", amends="0" * 64)
    made = digest(Proposal.model_validate(proposal))
    forged.answer("propose", lambda value: {**value, "proposal": proposal, "digest": made})
    faults = forged.result(lambda value: {**value, "proposal": made}).faults()
    assert faults == [f"proposal {made} is the agent's own and says that 'ben' made it"]
