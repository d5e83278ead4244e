"""One customer is not treated again and again, whatever number of runs is started for them, on either database."""

import errno
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.testing import ScriptedInference
from placet.contracts.billing import Evidence
from placet.contracts.proposal import AdjustBalance
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.tenant_files.contact import ContactFiles
from placet.errors import PolicyError
from placet.service.reversals import request_reversal, reverse_run
from tests.support.policies import LENIENT
from tests.support.programs.command import Command
from tests.support.world import World

CUSTOMER = "C00005"
BUCKET = f"/tmf-api/prepayBalanceManagement/v4/bucket/B-{CUSTOMER}"


@pytest.fixture
def a_world(make_world: Callable[..., World], database_url: str) -> World:
    """An installation on each database, with the application's own contact policy."""
    world = make_world(database_url=database_url)
    contact_policy(world, (CHECKOUT / "agents" / "retention" / "contact.toml").read_text())
    return world


def contact_policy(world: World, text: str) -> None:
    """Put the tenant's own contact policy in force."""
    (world.policy_file.parent / "contact.toml").write_text(text)


def balance(world: World) -> int:
    """What the bucket holds, in cents."""
    amount: float = world.bss(BUCKET)["remainingValue"]["amount"]
    return round(amount * 100)


def evidence(world: World, run_id: str) -> Evidence:
    """What the run decided on."""
    with world.database.reading() as tx:
        return tx.artifacts.get_model(str(world.record(run_id).evidence), Evidence)


def test_three_runs_for_one_customer_give_once(a_world: World) -> None:
    anna, before = a_world.approver(), balance(a_world)
    runs = [a_world.start(CUSTOMER) for _ in range(3)]
    ends = [a_world.wait(run, "awaiting_decision", "no_action", "denied") for run in runs]
    waiting = [record for record in ends if record.state == "awaiting_decision"]
    assert len(waiting) == 1
    for record in ends:
        if record.state == "denied":
            assert "waits for a decision" in record.detail
    a_world.approve(waiting[0].run_id, anna)
    given = a_world.proposal(waiting[0].run_id).mutation
    assert isinstance(given, AdjustBalance)

    again = a_world.start(CUSTOMER)
    assert a_world.wait(again, "no_action").detail.startswith("nothing by catalogue ")
    today, next_day = datetime.now(UTC), datetime.now(UTC) + timedelta(days=90)
    candidates = a_world.events(again, "propose.completed")[0].body["candidates"]
    fallen = {one["treatment"]: one["reasons_against"][-1] for one in candidates if not one["eligible"]}
    assert fallen[a_world.proposal(waiting[0].run_id).treatment] == {
        "code": "contact_cool_down",
        "detail": f"{given.amount} (goodwill credit) given on {today.day} {today:%b %Y}; "
        f"next possible on {next_day.day} {next_day:%b %Y}",
    }
    (contact,) = evidence(a_world, again).history.contacts  # type: ignore[union-attr]
    assert (contact.run_id, contact.cost, contact.standing) == (waiting[0].run_id, given.amount, "given")
    assert balance(a_world) == before + given.amount.amount_minor


def test_of_three_that_were_approved_at_once_one_is_sent(a_world: World) -> None:
    anna, before = a_world.approver(), balance(a_world)
    contact_policy(a_world, LENIENT)
    runs = [a_world.pending(CUSTOMER) for _ in range(3)]
    contact_policy(a_world, LENIENT.replace("cool_down_days = 0", "cool_down_days = 30"))
    for run in runs:
        a_world.send(run, a_world.sign(run, anna))
    ends = [a_world.wait(run, "executed", "denied") for run in runs]
    assert sorted(record.state for record in ends) == ["denied", "denied", "executed"]
    assert {record.code for record in ends if record.state == "denied"} == {"contact_policy"}
    given = a_world.proposal(runs[0]).mutation
    assert isinstance(given, AdjustBalance)
    assert balance(a_world) == before + given.amount.amount_minor
    assert a_world.effects()["adjustments"] == 1


def test_what_was_taken_back_may_be_given_again_and_a_reversal_is_never_in_the_way(a_world: World) -> None:
    anna = a_world.approver()
    first = a_world.pending(CUSTOMER)
    a_world.approve(first, anna)
    asked = request_reversal(
        a_world.database, run_id=first, tenant=a_world.settings.tenant, requested_by="omar", reason="wrong customer"
    )
    contact_policy(a_world, "this is no policy")
    reversal = a_world.run(reverse_run(a_world.database, a_world.engine, asked)).run_id
    a_world.wait(reversal, "awaiting_decision")
    a_world.approve(reversal, anna)
    contact_policy(a_world, LENIENT.replace("max_per_period = 1000", "max_per_period = 1"))
    a_world.approve(a_world.pending(CUSTOMER), anna)


def test_what_was_sent_and_is_unknown_counts_as_given(a_world: World) -> None:
    anna = a_world.approver()
    run = a_world.pending(CUSTOMER)
    a_world.stop_worker()
    a_world.start_worker(effect_attempts=2)
    a_world.break_bss("POST", "/tmf-api/prepayBalanceManagement/v4/adjustBalance", "lost", count=1)
    a_world.break_bss("GET", "/tmf-api/prepayBalanceManagement/v4/adjustBalance", "status=503", behind="POST")
    a_world.send(run, a_world.sign(run, anna))
    a_world.wait(run, "unknown_outcome")
    a_world.mend_bss()
    a_world.wait(again := a_world.start(CUSTOMER), "no_action")
    (contact,) = evidence(a_world, again).history.contacts  # type: ignore[union-attr]
    assert (contact.run_id, contact.standing) == (run, "unknown")


def test_a_broken_contact_policy_gives_nothing(a_world: World) -> None:
    contact_policy(a_world, 'cool_down_days = "often"\n')
    record = a_world.wait(a_world.start(CUSTOMER), "failed")
    assert record.code == "policy_invalid"
    assert "contact.toml' is wrong: cool_down_days 'often'" in record.detail


def test_a_link_that_leads_nowhere_is_not_the_default(tmp_path: Path) -> None:
    """What cannot be read now may be stricter than the application's own."""
    (tmp_path / "demo").mkdir()
    assert ContactFiles(tmp_path)("demo", "retention").treatments
    (tmp_path / "demo" / "contact.toml").symlink_to(tmp_path / "away")
    with pytest.raises(PolicyError, match="cannot read the contact policy"):
        ContactFiles(tmp_path)("demo", "retention")


def test_a_file_that_cannot_be_looked_at_now_is_not_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(path: Path) -> None:
        raise OSError(errno.ESTALE, "Stale file handle", str(path))

    monkeypatch.setattr(Path, "lstat", stale)
    monkeypatch.setattr(Path, "stat", stale)
    with pytest.raises(PolicyError, match="cannot read the contact policy"):
        ContactFiles(tmp_path)("demo", "retention")


def test_a_run_that_proposes_nothing_shows_what_was_weighed_and_why(a_world: World, command: Command) -> None:
    a_world.stop_worker()
    said = "The customer is likely to stay without this offer."
    a_world.inference = ScriptedInference({"propose": {"treatment": "nothing", "rationale": said}})
    a_world.start_worker()
    run_id = a_world.start(CUSTOMER)
    a_world.wait(run_id, "no_action")
    shown = " ".join(command("run", "show", run_id).out.split())
    assert "Goodwill credit, is expected to be worth 15.24 USD; the model says:" in shown
    assert re.search(r"Goodwill credit \S*\s*15\.24 USD\s+7\.00 USD", shown)
    (entry,) = a_world.events(run_id, "propose.completed")
    assert entry.body["reason"] == f"the model says: “{said}”"
