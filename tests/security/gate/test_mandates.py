"""Mandates at the running system: what a person signed beforehand passes without a signal, and nothing else does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.mandate import Clearance, Mandate, MandateRecord
from placet.engine.payload_keys import load_or_create_key
from placet.errors import DecisionRefused, UsageError
from placet.gate.clearing import clear
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import sign_document, verify_document
from placet.replay import judge
from placet.service import mandates as mandate_operations
from placet.service.mandates import draft_mandate, revoke_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from tests.support.databases import disarm, outsider, together
from tests.support.world import Approver, World

# What is read again before an effect, and at no other time.
BUCKET_NOW = "/tmf-api/prepayBalanceManagement/v4/bucket/"
ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
COMMIT = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { resource.kind == "adjust_balance" && resource.currency == "USD" && resource.cost_minor <= 2000 };
"""
SUBJECT = "C00005"
COST = 700
"""What the agent proposes for that customer, in cents."""


def permitting(world: World) -> World:
    """Let policy permit the agent to commit small credits."""
    world.edit_policy(lambda text: text + COMMIT)
    return world


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """An installation whose policy permits the agent to commit small credits, within a mandate."""
    return permitting(make_world())


@pytest.fixture
def hanna(world: World) -> Approver:
    return head(world)


def head(world: World) -> Approver:
    """Who may sign mandates."""
    return world.approver("hanna", roles=("retention_head",), limit="1000.00 USD")


def policies(world: World) -> PolicySet:
    return PolicySet(read_policy_files(world.policy_file.parent))


def envelope(signer: Approver, **changes: Any) -> str:
    now = datetime.now(UTC)
    bounds: dict[str, Any] = {
        "tenant": "demo",
        "name": "summer-save",
        "drafted_by": "olga",
        "agent": "retention",
        "kinds": ("adjust_balance",),
        "treatments": ("goodwill_credit",),
        "cap_per_customer": "20.00 USD",
        "period_days": 30,
        "budget": "100.00 USD",
        "valid_from": now - timedelta(minutes=1),
        "valid_until": now + timedelta(days=1),
    }
    return sign_mandate(draft_mandate(**{**bounds, **changes}), signer=signer.name, reason="", key=signer.key)


def mandated(world: World, signer: Approver, **changes: Any) -> MandateRecord:
    return take_mandate(world.database, envelope(signer, **changes), tenant="demo", policies=policies(world))


def kinds(world: World, run_id: str) -> list[str]:
    return [event.kind for event in world.events(run_id)]


def passed_over(world: World, run_id: str) -> list[str]:
    return [reason["code"] for event in world.events(run_id, "mandate.passed_over") for reason in event.body["reasons"]]


def spent(world: World, record: MandateRecord) -> int:
    with world.database.reading() as tx:
        found = tx.mandates.get("demo", record.mandate.document_id)
    assert found is not None
    return found.spent_minor


def test_a_run_within_a_mandate_executes_unasked_and_its_record_leads_to_the_signature(
    world: World, hanna: Approver
) -> None:
    record = mandated(world, hanna, cohort=({"field": "contract", "op": "ne", "value": "two_year"},))
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executed")
    assert world.effects()["adjustments"] == 1
    assert kinds(world, run_id)[5:] == [
        "mandate.consumed",
        "approve.opened",
        "execute.intended",
        "execute.sending",
        "execute.settled",
        "run.ended",
    ]
    (consumed,) = world.events(run_id, "mandate.consumed")
    clearance = Clearance.model_validate({name: consumed.body[name] for name in Clearance.model_fields})
    gate = Gate.model_validate(world.events(run_id, "approve.opened")[0].body["gate"])
    assert (gate.verdict, gate.clearance) == ("cleared", clearance)
    assert (clearance.mandate_id, clearance.policies) == (
        record.mandate.document_id,
        ("retention-commits-small-credits",),
    )
    assert (clearance.consumed.amount_minor, consumed.body["left"]["amount_minor"]) == (COST, 10_000 - COST)
    assert consumed.body["entitled_by"] == ["retention-heads-authorise-within-their-limit"]
    assert spent(world, record) == COST

    # From the record alone: the document by its digest, its signature by the key that is enrolled for the person.
    with world.database.reading() as tx:
        text = tx.artifacts.get(clearance.document, tenant="demo").decode()
        proof = verify_document(text, Mandate, tenant="demo", now=consumed.at, find_key=tx.approvers.get)
    assert (proof.key.name, proof.key.key_id, clearance.signer) == ("hanna", clearance.key_id, "hanna")
    assert proof.document == record.mandate

    async def faults() -> list[str]:
        return (await judge(await world.engine.history(run_id), load_or_create_key(world.settings.payload_key))).faults

    assert world.run(faults()) == []
    assert world.run(world.engine.status(run_id)).decisions == ()


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"cohort": ({"field": "contract", "op": "eq", "value": "two_year"},)}, "mandate_cohort"),
        ({"treatments": ("loyalty_bonus",)}, "mandate_treatment"),
        ({"kinds": ("order_product",)}, "mandate_kind"),
        ({"cap_per_customer": "6.99 USD"}, "mandate_cap"),
        ({"budget": "10.00 EUR", "cap_per_customer": "10.00 EUR"}, "mandate_currency"),
        ({"drafted_by": "ines"}, "mandate_four_eyes"),
    ],
)
def test_a_run_outside_the_mandate_waits_for_a_person_and_the_record_says_why(
    world: World, bounds: dict[str, Any], code: str
) -> None:
    signer = "olga" if code == "mandate_four_eyes" else "hanna"
    if code == "mandate_currency":
        world.edit_policy(lambda text: text.replace("principal.limit_currency == resource.currency &&\n  reso", "reso"))
    record = mandated(world, world.approver(signer, roles=("retention_head",), limit="1000.00 USD"), **bounds)
    run_id = world.pending(SUBJECT)
    assert passed_over(world, run_id) == [code]
    world.approve(run_id, world.approver("anna"))
    assert world.effects()["adjustments"] == 1
    assert spent(world, record) == 0


def test_without_a_permit_to_commit_no_mandate_clears_anything(make_world: Callable[..., World]) -> None:
    world = make_world()
    record = mandated(world, head(world))
    run_id = world.pending(SUBJECT)
    assert not {"mandate.consumed", "mandate.passed_over"} & set(kinds(world, run_id))
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)


def test_a_permit_to_commit_without_a_mandate_clears_nothing(world: World) -> None:
    run_id = world.pending(SUBJECT)
    assert "mandate.consumed" not in kinds(world, run_id)
    assert world.effects()["adjustments"] == 0


def withdrawn(world: World, hanna: Approver, record: MandateRecord) -> None:
    revoke_mandate(world.database, tenant="demo", mandate_id=record.mandate.document_id, by="olga", reason="enough")


def revived(world: World, hanna: Approver, record: MandateRecord) -> None:
    withdrawn(world, hanna, record)
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate SET revoked_by = NULL, revoked_at = NULL, revoked_reason = NULL")


def key_revoked(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.revoke(hanna.key)


def commit_forbidden(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.edit_policy(lambda text: text.replace(COMMIT, ""))


def signer_forbidden(world: World, hanna: Approver, record: MandateRecord) -> None:
    world.edit_policy(
        lambda text: text.replace(
            'principal in Role::"retention_head", action == Action::"auth',
            'principal in Role::"board", action == Action::"auth',
        )
    )


def document_erased(world: World, hanna: Approver, record: MandateRecord) -> None:
    with outsider(world.settings.database) as shell:
        shell("DELETE FROM artifact WHERE media_type = 'application/vnd.dsse+json'")


def given_back(world: World, hanna: Approver, record: MandateRecord) -> None:
    with world.database.transaction() as tx:
        (use,) = tx.mandates.uses("demo", record.mandate.document_id)
        assert tx.mandates.release(use.run_id, use.proposal, datetime.now(UTC)) is not None


def use_rewritten(world: World, hanna: Approver, record: MandateRecord) -> None:
    disarm(world.settings.database, "mandate_use")
    with outsider(world.settings.database) as shell:
        shell("UPDATE mandate_use SET customer_id = 'C99999'")


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (withdrawn, "mandate_revoked"),
        (revived, "mandate_revoked"),
        (key_revoked, "revoked_key"),
        (commit_forbidden, "policy_changed"),
        (signer_forbidden, "unentitled"),
        (document_erased, "mandate_unsigned"),
        (given_back, "not_cleared"),
        (use_rewritten, "not_cleared"),
    ],
)
def test_what_changes_between_clearing_and_effect_stops_it_and_gives_the_budget_back(
    world: World, hanna: Approver, meanwhile: Callable[[World, Approver, MandateRecord], None], code: str
) -> None:
    record = mandated(world, hanna)
    world.break_bss("GET", BUCKET_NOW, "status=503")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executing")
    world.until(lambda: "retrying" in world.record(run_id).detail, "the first attempt")
    assert spent(world, record) == COST
    meanwhile(world, hanna, record)
    world.mend_bss()
    assert world.wait(run_id, "denied").code == code
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)
    assert ("mandate.released" in kinds(world, run_id)) == (meanwhile is not given_back)


def test_a_revoked_mandate_whose_row_forgets_it_clears_nothing(world: World, hanna: Approver) -> None:
    revived(world, hanna, mandated(world, hanna))
    run_id = world.pending(SUBJECT)
    assert not {"mandate.consumed", "mandate.passed_over"} & set(kinds(world, run_id))
    with world.database.reading() as tx:
        (listed,) = tx.mandates.list("demo")
    assert (listed.revoked_by, listed.revoked_reason) == ("olga", "enough")


def test_a_mandate_that_ends_between_clearing_and_effect_stops_it(make_world: Callable[..., World]) -> None:
    world, later = permitting(make_world()), [timedelta()]
    world.stop_worker()
    world.clock = lambda: datetime.now(UTC) + later[0]
    world.start_worker()
    # Less than the 10 minutes after which an effect that could never be sent has failed.
    record = mandated(world, head(world), valid_until=datetime.now(UTC) + timedelta(minutes=5))
    world.break_bss("GET", BUCKET_NOW, "status=503")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "executing")
    later[0] = timedelta(minutes=5)
    assert world.wait(run_id, "denied").code == "mandate_window"
    assert (world.effects()["adjustments"], spent(world, record)) == (0, 0)


def test_an_effect_that_failed_gives_the_budget_back_and_one_that_happened_does_not(
    world: World, hanna: Approver
) -> None:
    record = mandated(world, hanna, budget="7.00 USD", cap_per_customer="7.00 USD")
    world.break_bss("POST", ADJUST, "status=422", count=1)
    failed = world.start(SUBJECT)
    world.wait(failed, "failed")
    assert spent(world, record) == 0
    (released,) = world.events(failed, "mandate.released")
    assert (released.body["mandate_id"], released.body["amount_minor"]) == (record.mandate.document_id, COST)
    world.wait(world.start(SUBJECT), "executed")
    assert spent(world, record) == COST
    exhausted = world.pending(SUBJECT)
    assert passed_over(world, exhausted) == []  # nothing is left of it: it is no candidate
    assert world.effects()["adjustments"] == 1


def test_an_outcome_nobody_knows_keeps_its_budget_until_a_person_settles_it(make_world: Callable[..., World]) -> None:
    world = permitting(make_world(effect_attempts=1))
    record, anna = mandated(world, head(world)), world.approver("anna")
    world.break_bss("POST", ADJUST, "lost")
    world.break_bss("GET", ADJUST, "status=503")
    run_id = world.start(SUBJECT)
    world.wait(run_id, "unknown_outcome")
    assert spent(world, record) == COST
    world.send(run_id, world.sign(run_id, anna, "confirm_not_executed"))
    world.wait(run_id, "failed")
    assert spent(world, record) == 0


def test_twelve_runs_at_once_against_a_budget_for_five_clear_exactly_five(
    make_world: Callable[..., World], database_url: str
) -> None:
    world = permitting(make_world(database_url=database_url))
    record = mandated(world, head(world), budget="41.99 USD", cap_per_customer="41.99 USD")
    runs = [world.start(SUBJECT) for _ in range(12)]
    for run_id in runs:
        world.wait(run_id, "executed", "awaiting_decision")
    cleared = [run_id for run_id in runs if "mandate.consumed" in kinds(world, run_id)]
    waiting = [run_id for run_id in runs if world.record(run_id).state == "awaiting_decision"]
    assert (len(cleared), len(waiting)) == (5, 7)
    assert set(cleared).isdisjoint(waiting)
    assert (world.effects()["adjustments"], spent(world, record)) == (5, 5 * COST)


def test_the_cap_for_one_customer_holds_over_runs(world: World, hanna: Approver) -> None:
    record = mandated(world, hanna, cap_per_customer="14.00 USD")
    for _ in range(2):
        world.wait(world.start(SUBJECT), "executed")
    third = world.pending(SUBJECT)
    assert passed_over(world, third) == ["mandate_spent"]
    world.wait(world.start("C00006"), "executed")
    assert spent(world, record) == 2 * COST + 950


def test_the_oldest_mandate_with_room_clears_and_the_next_takes_over(world: World, hanna: Approver) -> None:
    first = mandated(world, hanna, budget="10.00 USD", cap_per_customer="10.00 USD")
    second = mandated(world, hanna, valid_until=datetime.now(UTC) + timedelta(hours=1))
    for _ in range(2):
        world.wait(world.start(SUBJECT), "executed")
    assert (spent(world, first), spent(world, second)) == (COST, COST)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "UPDATE mandate SET budget_minor = 9999999, mandate = replace(mandate, '10000', '9999999')",
            "mandate_altered",
        ),
        ("UPDATE mandate SET mandate = replace(mandate, 'loyalty_bonus', 'goodwill_credit')", "mandate_altered"),
        ("UPDATE mandate SET agent = 'retention ', mandate = 'x'", None),
        ("UPDATE mandate SET budget_minor = 9999999", "mandate_altered"),
    ],
)
def test_a_mandate_changed_in_the_database_clears_nothing(
    world: World, hanna: Approver, statement: str, code: str | None
) -> None:
    mandated(world, hanna, treatments=("loyalty_bonus",) if "bonus" in statement else ("goodwill_credit",))
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell(statement)
    run_id = world.pending(SUBJECT)
    assert passed_over(world, run_id) == ([code] if code else [])
    assert world.effects()["adjustments"] == 0


def test_a_mandate_row_that_nobody_signed_clears_nothing(world: World, hanna: Approver) -> None:
    genuine = mandated(world, hanna, treatments=("loyalty_bonus",))
    forged = genuine.mandate.model_copy(update={"document_id": "f" * 32, "treatments": ("goodwill_credit",)})
    with world.database.transaction() as tx:
        for document in (genuine.document, "0" * 64):
            mandate = forged.model_copy(update={"document_id": document[:32]})
            record = MandateRecord(mandate=mandate, document=document, key_id=hanna.key.key_id, spent_minor=0)
            assert tx.mandates.add(record)
    run_id = world.pending(SUBJECT)
    assert sorted(passed_over(world, run_id)) == ["mandate_altered", "mandate_treatment", "mandate_unsigned"]
    assert world.effects()["adjustments"] == 0


def test_one_step_tried_by_many_at_once_consumes_once(make_world: Callable[..., World], database_url: str) -> None:
    world = make_world(database_url=database_url)
    run_id = world.pending(SUBJECT)
    record = mandated(permitting(world), head(world), budget="7.00 USD", cap_per_customer="7.00 USD")
    request, digest, proposal = world.request_of(run_id), str(world.record(run_id).proposal), world.proposal(run_id)
    in_force = policies(world)

    def attempt(_: int) -> Clearance | None:
        def step(context: Any) -> Clearance | None:
            with context.database.transaction() as tx:
                return clear(tx, request, proposal, digest, in_force, datetime.now(UTC))

        return world.in_activity(step)

    answers = together(6, attempt)
    assert len({answer.model_dump_json() for answer in answers if answer is not None}) == 1
    assert None not in answers
    assert spent(world, record) == COST
    assert kinds(world, run_id).count("mandate.consumed") == 1


def test_a_cohort_is_judged_on_nothing_but_the_runs_own_analysis(world: World) -> None:
    run_id, other = world.pending(SUBJECT), world.pending("C00006")
    record = mandated(world, head(world))
    request, digest, proposal = world.request_of(run_id), str(world.record(run_id).proposal), world.proposal(run_id)

    def attempt(assessment: str) -> str | None:
        changed = proposal.model_copy(update={"assessment": assessment})

        def step(context: Any) -> Clearance | None:
            with context.database.transaction() as tx:
                return clear(tx, request, changed, digest, policies(world), datetime.now(UTC))

        return None if world.in_activity(step) is None else "cleared"

    assert attempt(world.proposal(other).assessment) is None
    assert attempt("0" * 64) is None
    assert passed_over(world, run_id) == ["mandate_unassessed"]
    assert spent(world, record) == 0
    assert attempt(proposal.assessment) == "cleared"


def test_a_signed_document_counts_once_and_never_again_after_its_revocation(world: World, hanna: Approver) -> None:
    now = datetime.now(UTC)
    draft = {"valid_from": now, "valid_until": now + timedelta(days=1)}
    text = envelope(hanna, **draft)
    first = take_mandate(world.database, text, tenant="demo", policies=policies(world))
    assert take_mandate(world.database, text, tenant="demo", policies=policies(world)) == first
    with pytest.raises(UsageError, match="two would give twice its budget") as again:
        take_mandate(world.database, envelope(hanna, **draft), tenant="demo", policies=policies(world))
    assert again.value.code == "mandate_in_force"
    withdrawn(world, hanna, first)
    with pytest.raises(DecisionRefused, match="revoked since; sign a new one") as refused:
        take_mandate(world.database, text, tenant="demo", policies=policies(world))
    assert refused.value.code == "duplicate"
    world.pending(SUBJECT)
    assert world.effects()["adjustments"] == 0


def bent(hanna: Approver, how: str) -> str:
    """A document that is no mandate of Hanna's, although her key is enrolled."""
    now = datetime.now(UTC)
    if how == "wrong_statement":
        delegation = Delegation(
            tenant="demo",
            signer="hanna",
            signed_at=now,
            document_id="1" * 32,
            delegate="anna",
            roles=("retention_head",),
            limit=Money(amount_minor=1, currency="USD"),
            valid_from=now,
            valid_until=now + timedelta(days=1),
        )
        return sign_document(delegation, hanna.key.private, hanna.key.key_id)
    if how == "bad_signature":
        return envelope(hanna).replace('"sig":"', '"sig":"AAAA', 1)
    if how == "wrong_tenant":
        return envelope(hanna, tenant="other")
    if how == "wrong_person":
        return envelope(Approver("ines", hanna.key))
    if how == "too_large":
        return envelope(hanna, treatments=tuple(f"goodwill_credit_{number:04d}" for number in range(900)))
    return "yes"


@pytest.mark.parametrize(
    "code", ["wrong_statement", "bad_signature", "wrong_tenant", "wrong_person", "malformed", "too_large"]
)
def test_a_document_that_is_no_sound_mandate_is_refused_and_recorded(world: World, hanna: Approver, code: str) -> None:
    text = bent(hanna, code)
    with pytest.raises(DecisionRefused) as refused:
        take_mandate(world.database, text, tenant="demo", policies=policies(world))
    assert refused.value.code == code
    with world.database.reading() as tx:
        assert tx.mandates.list("demo") == ()
        (entry,) = [event for event in tx.audit.read("tenant/demo") if event.kind == "mandate.refused"]
    assert (entry.actor, entry.body["code"], entry.body["document"]) == (
        "unverified",
        code,
        sha256_hex(text.encode()),
    )


def test_no_more_mandates_are_taken_on_than_are_asked_about_one_proposal(
    world: World, hanna: Approver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mandate_operations, "MOST_AT_ONCE", 2)
    mandated(world, hanna)
    withdrawn(world, hanna, mandated(world, hanna))
    mandated(world, hanna)
    with pytest.raises(UsageError, match="has 2 mandates in force; revoke some first"):
        mandated(world, hanna)
