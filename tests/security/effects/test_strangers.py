"""Another customer's records are neither evidence nor a target, also for a BSS that ignores the filter (promise 2)."""

from collections.abc import Callable

from tests.support.world import World

BUCKETS = "/tmf-api/prepayBalanceManagement/v4/bucket"


def test_a_bss_that_ignores_the_filter_and_names_nobody_gets_no_proposal_onto_another_balance(
    make_world: Callable[..., World], database_url: str
) -> None:
    world = make_world(database_url=database_url)
    world.break_bss("GET", BUCKETS, "stranger=C00099")
    record = world.wait(world.start("C00005"), "failed")
    assert record.code == "not_the_customers"
    assert record.detail == (
        f"billing: {BUCKETS} answered record “B-C00099”, which is not shown to be of customer 'C00005': "
        "it names nobody in relatedParty; nothing of it is used"
    )
    assert record.proposal is None


def test_a_target_that_is_not_shown_to_be_the_customers_any_more_is_not_changed(a_world: World) -> None:
    anna = a_world.approver("anna")
    run_id = a_world.pending("C00005")
    a_world.break_bss("GET", f"{BUCKETS}/", "stranger=C00005")
    a_world.send(run_id, a_world.sign(run_id, anna))
    assert a_world.wait(run_id, "denied").code == "not_the_customers"
    assert a_world.effects()["adjustments"] == 0
