"""A control proposal looks like any other, must be declined, and can never execute (promises 1 and 5)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.proposal import AdjustBalance, Proposal
from placet.errors import UsageError
from placet.governance.oversight.stories import Flaw
from placet.governance.policy.set import PolicySet
from placet.service.documents.access import issue_token, revoke_token
from placet.service.documents.mandates import take_mandate
from placet.service.oversight import draw_up_report, seed_control
from placet.service.policy_files import read_policy_files
from tests.security.gate.mandates.mandating import COMMIT, envelope
from tests.support.enrolment import enroll
from tests.support.facts import FACTS
from tests.support.world import Approver, World
from tests.unit.support import a_key

DETAIL = "this was a control proposal ({}, seeded by vera) that had to be declined; nothing was executed"


def know_vera(world: World) -> None:
    """Let vera be somebody: who plants a control is known here, and need not decide anything."""
    issue_token(world.database, tenant="demo", name="vera", roles=("auditor",), days=1, by=world.root)


def seeded(world: World, flaw: Flaw, customer: str = "C00005") -> str:
    """A control that waits at the gate."""
    request = world.request(customer)
    know_vera(world)
    world.run(seed_control(world.database, world.engine, request, flaw=flaw, by="vera"))
    world.wait(request.run_id, "awaiting_decision")
    return request.run_id


def tenant_entries(world: World, run_id: str) -> list[tuple[str, str]]:
    with world.database.reading() as tx:
        tx.audit.verify("tenant/demo")
        entries = tx.audit.read("tenant/demo")
    return [(entry.kind, entry.actor) for entry in entries if entry.body.get("run_id") == run_id]


def outcome(world: World, run_id: str) -> dict[str, object]:
    with world.database.reading() as tx:
        entry = tx.audit.find("tenant/demo", f"control.outcome.{run_id}")
    assert entry is not None
    return {"kind": entry.kind, **entry.body}


def never_executed(world: World, run_id: str, flaw: Flaw) -> None:
    """It ended denied, says why to whoever approved it, and nothing left."""
    record = world.wait(run_id, "denied")
    assert (record.code, record.detail) == ("control_proposal", DETAIL.format(flaw))
    assert world.effects()["adjustments"] == 0
    assert [entry.kind for entry in world.events(run_id)][-3:] == ["execute.intended", "execute.refused", "run.ended"]
    with world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
        assert (effect.status, effect.sends, effect.code) == ("failed", 0, "control_proposal")
        tx.audit.verify(run_id)


@pytest.mark.parametrize("flaw", ["too_much", "ineligible"])
def test_an_approved_control_never_executes_and_is_recorded_as_missed(
    a_world: World, anna: Approver, flaw: Flaw
) -> None:
    run_id = seeded(a_world, flaw)
    proposal = a_world.record(run_id).proposal
    a_world.send(run_id, a_world.sign(run_id, anna))
    never_executed(a_world, run_id, flaw)
    assert tenant_entries(a_world, run_id) == [("control.seeded", "vera"), ("control.missed", "worker")]
    assert outcome(a_world, run_id) == {
        "kind": "control.missed",
        "run_id": run_id,
        "flaw": flaw,
        "state": "denied",
        "code": "control_proposal",
        "decisions": [{"approver": "anna", "verdict": "approve", "proposal": proposal}],
    }


def test_a_declined_control_is_caught(a_world: World, anna: Approver) -> None:
    run_id = seeded(a_world, "ineligible")
    a_world.send(run_id, a_world.sign(run_id, anna, "reject", reason="not eligible"))
    assert a_world.wait(run_id, "rejected").detail == "rejected by anna: not eligible"
    assert outcome(a_world, run_id)["kind"] == "control.caught"
    assert a_world.effects()["adjustments"] == 0
    (figures,) = draw_up_report(a_world.database, tenant="demo", days=1).approvers
    shown = (figures.controls_shown, figures.controls_caught, figures.controls_missed, figures.decided)
    assert shown == (1, 1, 0, 0)


def test_a_control_amended_and_then_approved_still_never_executes(a_world: World, anna: Approver) -> None:
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    ben = a_world.approver("ben")
    run_id = seeded(a_world, "too_much")
    original = a_world.record(run_id).proposal
    _, envelope = a_world.sign_amendment(run_id, ben, amount="5.00 USD")
    a_world.send(run_id, envelope)
    a_world.until(lambda: len(a_world.events(run_id, "approve.decided")) == 1, "ben's amendment")
    assert a_world.record(run_id).proposal != original
    a_world.send(run_id, a_world.sign(run_id, anna))
    never_executed(a_world, run_id, "too_much")
    report = draw_up_report(a_world.database, tenant="demo", days=1)
    figures = {
        one.approver: (one.controls_shown, one.controls_missed, one.controls_amended) for one in report.approvers
    }
    assert figures == {"anna": (1, 1, 0), "ben": (1, 1, 1)}
    assert (report.controls.seeded, report.controls.missed, report.overall.asked) == (1, 1, 0)


def test_a_control_nobody_decided_is_undecided(a_world: World) -> None:
    run_id = seeded(a_world, "too_much")
    a_world.cancel(run_id)
    a_world.wait(run_id, "cancelled")
    a_world.until(lambda: len(tenant_entries(a_world, run_id)) == 2, "the outcome")
    assert (outcome(a_world, run_id)["kind"], outcome(a_world, run_id)["decisions"]) == ("control.undecided", [])


def shape(value: object) -> object:
    """The structure of a document: names and kinds of values, lists by their first element."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def fields_of(proposal: Proposal) -> object:
    return shape(proposal.model_dump(mode="json"))


@pytest.mark.parametrize("flaw", ["too_much", "ineligible"])
def test_nothing_on_the_runs_own_record_tells_a_control_from_an_ordinary_run(a_world: World, flaw: Flaw) -> None:
    ordinary, control = a_world.pending("C00005"), seeded(a_world, flaw)
    kinds = [entry.kind for entry in a_world.events(control)]
    assert kinds == [entry.kind for entry in a_world.events(ordinary)]
    assert [entry.actor for entry in a_world.events(control)] == [entry.actor for entry in a_world.events(ordinary)]
    for mine, theirs in zip(a_world.events(control), a_world.events(ordinary), strict=True):
        assert shape(mine.body) == shape(theirs.body)
    assert fields_of(a_world.proposal(control)) == fields_of(a_world.proposal(ordinary))
    text = " ".join(str(entry.model_dump(mode="json")) for entry in a_world.events(control))
    record = a_world.record(control).model_dump_json() + a_world.proposal(control).model_dump_json()
    status = a_world.run(a_world.engine.status(control)).model_dump_json()
    for word in ("control", "vera", "seed", flaw):
        assert not re.search(rf"\b{word}", text + record + status)


def test_the_flaw_is_in_the_figures_and_the_one_line_summary_agrees_with_them(a_world: World) -> None:
    run_id = seeded(a_world, "too_much")
    proposal = a_world.proposal(run_id)
    weighed = next(one for one in proposal.candidates if one.treatment == proposal.treatment)
    assert isinstance(proposal.mutation, AdjustBalance)
    multiple, rest = divmod(proposal.cost.amount_minor, weighed.cost_minor)
    assert (multiple in (3, 4, 5, 6, 8), rest, proposal.mutation.amount) == (True, 0, proposal.cost)
    extra = proposal.cost.amount_minor - weighed.cost_minor
    assert proposal.expected_value_minor == (weighed.expected_value_minor or 0) - extra
    (entry,) = a_world.events(run_id, "propose.completed")
    value = proposal.cost.model_copy(update={"amount_minor": proposal.expected_value_minor})
    told = f"{proposal.name}, costs {proposal.cost}, expected value {value}"
    assert str(entry.body["summary"]).startswith(told)

    run_id = seeded(a_world, "ineligible")
    proposal = a_world.proposal(run_id)
    (picked,) = [one for one in proposal.candidates if one.treatment == proposal.treatment]
    assert (picked.eligible, picked.cost_minor) == (False, proposal.cost.amount_minor)


def test_no_mandate_clears_a_control(a_world: World, anna: Approver) -> None:
    """An ordinary run of the same customer, within the same mandate, is cleared and executes."""
    cap = "resource.cost_minor <= 9900"
    a_world.edit_policy(lambda text: text + COMMIT.replace("resource.cost_minor <= 2000", cap))
    hanna = a_world.approver("hanna", roles=("retention_head",), limit="1000.00 USD")
    policies = PolicySet(read_policy_files(a_world.policy_file.parent))
    bounds = {"cap_per_customer": "400.00 USD", "budget": "400.00 USD"}
    take_mandate(
        a_world.database,
        envelope(hanna, **bounds),
        tenant="demo",
        policies=policies,
        declared=FACTS,
    )
    assert a_world.wait(a_world.start("C00005"), "executed").code == "executed"
    run_id = seeded(a_world, "too_much")
    assert a_world.proposal(run_id).cost.amount_minor <= 9900
    a_world.send(run_id, a_world.sign(run_id, anna))
    assert a_world.wait(run_id, "denied").code == "control_proposal"
    assert a_world.effects()["adjustments"] == 1


@pytest.mark.parametrize(
    ("switched_off", "instead"),
    [
        ("activities.execute.refuse_in_ledger", lambda _tx, _run, _key, _holder, claim, _now: claim),
        ("activities.execute.refusal", lambda _context, _effect, _proposal: None),
    ],
)
def test_each_of_the_two_checks_before_an_effect_refuses_it_by_itself(
    a_world: World, anna: Approver, monkeypatch: pytest.MonkeyPatch, switched_off: str, instead: Callable[..., object]
) -> None:
    monkeypatch.setattr(switched_off, instead)
    run_id = seeded(a_world, "too_much")
    a_world.send(run_id, a_world.sign(run_id, anna))
    never_executed(a_world, run_id, "too_much")


def narrow(cap: int) -> Callable[[str], str]:
    """Let policy permit proposals up to `cap` cents only."""

    def edit(text: str) -> str:
        narrowed = text.replace("resource.cost_minor <= 10000", f"resource.cost_minor <= {cap}")
        return narrowed.replace("resource.cost_minor > 10000", "resource.cost_minor > 19999")

    return edit


def test_the_flaw_stays_within_what_policy_lets_be_put_before_a_person(a_world: World) -> None:
    a_world.edit_policy(narrow(2100))
    for _ in range(3):
        run_id = seeded(a_world, "too_much")
        assert str(a_world.proposal(run_id).cost) == "21.00 USD"


def test_a_control_that_cannot_be_flawed_within_policy_asks_nobody(a_world: World) -> None:
    a_world.edit_policy(narrow(2099))
    assert str(a_world.proposal(a_world.pending("C00005")).cost) == "7.00 USD"
    request = a_world.request("C00005")
    know_vera(a_world)
    a_world.run(seed_control(a_world.database, a_world.engine, request, flaw="too_much", by="vera"))
    assert a_world.wait(request.run_id, "no_action").proposal is None
    assert outcome(a_world, request.run_id)["kind"] == "control.undecided"
    controls = draw_up_report(a_world.database, tenant="demo", days=1).controls
    assert (controls.seeded, controls.undecided, controls.never_planted) == (0, 0, 1)


def test_a_run_that_exists_becomes_no_control_afterwards(a_world: World, anna: Approver) -> None:
    run_id = a_world.pending("C00005", key="k1")
    know_vera(a_world)
    with pytest.raises(UsageError, match="becomes no control afterwards"):
        a_world.run(
            seed_control(a_world.database, a_world.engine, a_world.request(key="k1"), flaw="too_much", by="vera")
        )
    assert tenant_entries(a_world, run_id) == []
    a_world.approve(run_id, anna)


def test_nobody_plants_a_control_under_a_name_that_is_nobodys(a_world: World, anna: Approver) -> None:
    """The planter's own decisions are left out of the figures by name: a misspelt one would count them."""

    def plant(by: str) -> None:
        a_world.run(seed_control(a_world.database, a_world.engine, a_world.request("C00005"), flaw="too_much", by=by))

    expired = a_key("paul", expires_at=datetime.now(UTC) - timedelta(hours=1))[1]
    enroll(a_world.database, expired, a_world.root)
    for by in ("vera", "ann", "paul"):
        with pytest.raises(UsageError, match=f"nobody is known as '{by}'") as refused:
            plant(by)
        assert refused.value.code == "unknown_person"
    issued = issue_token(a_world.database, tenant="demo", name="vera", roles=("auditor",), days=1, by=a_world.root)
    plant("vera")
    plant(anna.name)
    revoke_token(a_world.database, tenant="demo", token_id=issued.grant.token_id, by="root", reason="")
    with pytest.raises(UsageError, match="nobody is known as 'vera'"):
        plant("vera")


def test_on_each_database_a_control_is_refused(make_world: Callable[..., World], database_url: str) -> None:
    world = make_world(database_url=database_url)
    run_id = seeded(world, "too_much")
    world.send(run_id, world.sign(run_id, world.approver("anna")))
    never_executed(world, run_id, "too_much")
    assert outcome(world, run_id)["kind"] == "control.missed"
