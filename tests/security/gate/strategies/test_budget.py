"""The budget that a person signed for a strategy binds, whoever approves what its runs propose."""

from collections.abc import Callable

from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.strategies.publishing import draft_of, keep_text
from placet.storage.projections.verification import verify_projections
from tests.security.gate.mandates.mandating import head, policies, spent
from tests.security.gate.strategies.test_running import started
from tests.support.facts import FACTS
from tests.support.programs.placet_process import placet as placet_process
from tests.support.strategies.published import ALSO_IN_BOTH, COST, IN_BOTH, let_be_at_risk, strategy
from tests.support.world import World

ROOM_FOR_ONE = (
    ("total: 100.00 USD, per_customer: 20.00 USD", "total: 10.00 USD, per_customer: 10.00 USD"),
    ("at_most: 20.00 USD", "at_most: 10.00 USD"),
)


def test_what_people_approve_is_taken_of_the_budget_and_nothing_over_it_is_sent(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    one, hanna, lena = strategy(*ROOM_FOR_ONE), head(world), world.approver("lena")
    keep_text(world.database, "demo", one)
    draft = draft_of(one, tenant="demo", drafted_by="olga")
    envelope = sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)
    record = take_mandate(world.database, envelope, tenant="demo", policies=policies(world), declared=FACTS)
    runs = []
    for customer in (IN_BOTH, ALSO_IN_BOTH):
        let_be_at_risk(world.database, customer)
        runs.append(started(world, one.name, customer, customer))
    first, second = runs
    for run_id in runs:
        world.wait(run_id, "awaiting_decision")
    assert spent(world, record) == 0
    world.approve(first, lena)
    (charged,) = world.events(first, "mandate.charged")
    assert (charged.body["consumed"]["amount_minor"], charged.body["left"]["amount_minor"]) == (COST, 1_000 - COST)
    world.send(second, world.sign(second, lena))
    denied = world.wait(second, "denied")
    assert (denied.code, spent(world, record)) == ("mandate_spent", COST)
    assert denied.detail == (
        "the budget of strategy 'keep_at_risk' is spent: 2.00 USD of 10.00 USD is left, and this takes 8.00 USD"
    )
    assert world.effects()["adjustments"] == 1
    with world.database.reading() as tx:
        assert [str(finding) for finding in verify_projections(tx, "demo")] == []


def test_who_approves_all_is_told_of_the_room_before_they_sign_and_of_what_was_denied_after(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    one, hanna = strategy(*ROOM_FOR_ONE), head(world)
    world.approver("lena")
    keep_text(world.database, "demo", one)
    envelope = sign_mandate(
        draft_of(one, tenant="demo", drafted_by="olga"), FACTS, signer="hanna", reason="", key=hanna.key
    )
    take_mandate(world.database, envelope, tenant="demo", policies=policies(world), declared=FACTS)
    runs = []
    for customer in (IN_BOTH, ALSO_IN_BOTH):
        let_be_at_risk(world.database, customer)
        runs.append(started(world, one.name, f"all-{customer}", customer))
    for run_id in runs:
        world.wait(run_id, "awaiting_decision")
    (key,) = (world.settings.home / "keys").glob("lena-*.pem")
    address = {"PLACET_TEMPORAL_ADDRESS": world.settings.temporal_address}
    done = placet_process(world.settings.home, "approve", "--all", "--as", "lena", "--key-file", str(key), **address)
    assert done.stderr.strip() == (
        "NOT ENOUGH: the budget of strategy keep_at_risk has 10.00 USD left, and these 2 proposals take 16.00 USD: "
        "approved now, those that find no room are denied"
    )
    *_, summary, denied, became = done.stdout.splitlines()
    assert summary.endswith(": 2 accepted, 0 refused, 0 not reviewed yet")
    assert denied.split("  ")[1].startswith(
        "approved, and then denied (mandate_spent): the budget of strategy 'keep_at_risk' is spent: 2.00 USD of"
    )
    assert became in ("of 2 approved runs: 1 executed, 1 denied", "of 2 approved runs: 1 denied, 1 executed")
    assert done.returncode == 1
    shown = placet_process(world.settings.home, "run", "show", denied.split("  ")[0], **address)
    assert "denied" in shown.stdout
    assert "the budget of strategy 'keep_at_risk' is spent" in shown.stdout
