"""One approval is one effect (promise 3), whatever answer comes back, when the BSS commits, and what it shows.

Every case is a run of its own customer in one installation; the faults are about that customer's bucket alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, text

from placet.contracts.run import RunState
from placet.doctor.reading_back import read_back
from tests.support.world import HASTY, World

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


@dataclass(frozen=True)
class Case:
    """How the BSS answers one customer's credit, and what must have become of it.

    Attributes:
        customer: One of the sample for whom a goodwill credit is the best treatment.
        faults: Of its POST, and of what it shows afterwards, each with further fields of the rule.
        state: Where the run must stand in the end.
        effects: How many credits the BSS must have booked.
        sends: How many requests must have left.
        kinds: What the record must say between the intent and the end.
    """

    customer: str
    faults: tuple[tuple[str, str, dict[str, Any]], ...]
    state: RunState
    effects: int
    sends: int
    kinds: tuple[str, ...]


SEEN_AT_ONCE = ("execute.sending", "execute.settled")
SEEN_LATER = ("execute.sending", "execute.doubted", "execute.settled")
HELD = ("execute.sending", "execute.doubted", "execute.unknown")

CASES = {
    "429 after the commit": Case(
        "C00001", (("POST", "status_after=429;retry_after=1", {}),), "executed", 1, 1, SEEN_AT_ONCE
    ),
    "409 after the commit": Case("C00003", (("POST", "status_after=409", {}),), "executed", 1, 1, SEEN_AT_ONCE),
    "committed late, answered 429": Case(
        "C00005", (("POST", "late=1000;status_after=429;retry_after=1", {}),), "executed", 1, 1, SEEN_LATER
    ),
    "committed late, answer lost": Case("C00006", (("POST", "late=1000;lost", {}),), "executed", 1, 1, SEEN_LATER),
    "shows nothing for a while": Case(
        "C00014", (("POST", "lost", {}), ("GET", "blank", {"behind": "POST", "count": 1})), "executed", 1, 1, SEEN_LATER
    ),
    "description dropped": Case("C00021", (("POST", "cut=0", {}),), "executed", 1, 1, SEEN_AT_ONCE),
    "description shortened": Case("C00023", (("POST", "cut=12", {}),), "executed", 1, 1, SEEN_AT_ONCE),
    "shortened, and found by what is left of the key": Case(
        "C00032", (("POST", "cut=40;lost", {}),), "executed", 1, 1, SEEN_AT_ONCE
    ),
    "description dropped, answer lost": Case("C00034", (("POST", "cut=0;lost", {}),), "unknown_outcome", 1, 1, HELD),
    "shortened too much, answered 429": Case(
        "C00035", (("POST", "cut=12;status_after=429", {}),), "unknown_outcome", 1, 1, HELD
    ),
    "409 and nothing done": Case(
        "C00037",
        (("POST", "status=409", {}),),
        "failed",
        0,
        1,
        ("execute.sending", "execute.doubted", "execute.failed"),
    ),
    "never processed, once": Case(
        "C00040",
        (("POST", "drop", {"count": 1}),),
        "executed",
        1,
        2,
        ("execute.sending", "execute.doubted", "execute.sending", "execute.settled"),
    ),
    "never processed, ever": Case(
        "C00047",
        (("POST", "status=503", {}),),
        "unknown_outcome",
        0,
        2,
        ("execute.sending", "execute.doubted") * 2 + ("execute.unknown",),
    ),
}


def test_no_answer_makes_two_effects_of_one_approval_and_every_request_is_on_the_record(
    make_world: Callable[..., World], database_url: str
) -> None:
    # The BSS is known to show our keys, and may book, or not show yet, what it was sent for three seconds.
    # No case is about an answer that is slow: on a busy machine one that comes takes its time.
    world = make_world(
        database_url=database_url, effect_settle_seconds=3.0, bss_timeout_seconds=2.0, effect_lease_seconds=8.0
    )
    anna = world.approver("anna")
    runs = {name: world.start(case.customer) for name, case in CASES.items()}
    for name, run_id in runs.items():
        world.wait(run_id, "awaiting_decision")
        bucket = f"B-{CASES[name].customer}"
        world.keys_are_shown(bucket)
        for method, fault, more in CASES[name].faults:
            world.break_bss(method, ADJUST, fault, about=bucket, **more)
    ours = world.received(f"POST {ADJUST}")
    for run_id in runs.values():
        world.send(run_id, world.sign(run_id, anna))
    for name, run_id in runs.items():
        world.wait(run_id, CASES[name].state)
    left = {
        name: (
            world.effects(CASES[name].customer)["adjustments"] - 1,
            sends(world, run_id),
            tuple(kind for kind in kinds(world, run_id) if kind not in ("execute.intended", "execute.waiting")),
        )
        for name, run_id in runs.items()
    }
    assert left == {name: (case.effects, case.sends, case.kinds) for name, case in CASES.items()}
    assert world.received(f"POST {ADJUST}") - ours == sum(sends(world, run_id) for run_id in runs.values())


def kinds(world: World, run_id: str) -> list[str]:
    return [event.kind for event in world.events(run_id) if event.kind.startswith("execute.")]


def sends(world: World, run_id: str) -> int:
    with world.database.reading() as tx:
        (effect,) = tx.effects.for_run(run_id)
    assert effect.sends == kinds(world, run_id).count("execute.sending")
    return effect.sends


def test_where_nothing_shows_that_our_keys_are_shown_nothing_is_sent_again(
    make_world: Callable[..., World], database_url: str
) -> None:
    world = make_world(database_url=database_url, **HASTY)
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.break_bss("POST", ADJUST, "late=600000;lost")  # later than anybody waits
    world.send(run_id, world.sign(run_id, anna))
    record = world.wait(run_id, "unknown_outcome")
    assert record.detail == (
        "it was sent once and not confirmed: TMF654 shows no record with a key of ours, "
        "so that nothing says that it would show this one; it is not sent again"
    )
    assert world.received(f"POST {ADJUST}") == 1


def test_the_doctor_says_whether_an_effect_could_be_found_again(make_world: Callable[..., World]) -> None:
    world = make_world()
    anna = world.approver("anna")
    assert [finding.level for finding in read_back(world.settings)] == ["info", "info"]
    shown = world.pending("C00005")
    world.approve(shown, anna)
    (cannot_tell, ok) = read_back(world.settings)
    assert (cannot_tell.level, cannot_tell.detail.partition(":")[0]) == ("info", "orders")
    assert (ok.level, ok.detail) == ("ok", f"credits and debits: the effect of {shown} is shown with its key")
    hidden = world.pending("C00014")
    world.break_bss("POST", ADJUST, "cut=0")
    world.approve(hidden, anna)
    (_, problem) = read_back(world.settings)
    assert (problem.level, problem.advice[:37]) == ("problem", "let commerce keep and show `descripti")
    assert world.effects()["adjustments"] == 2


def test_an_installation_that_never_sends_again_holds_what_is_not_shown(make_world: Callable[..., World]) -> None:
    world = make_world(effect_sends=1, **HASTY)
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.keys_are_shown()
    world.break_bss("POST", ADJUST, "drop")
    world.send(run_id, world.sign(run_id, anna))
    assert world.wait(run_id, "unknown_outcome").detail == "it was sent once and is not shown"
    assert world.effects()["adjustments"] == 1


def test_a_ledger_that_forgot_a_request_is_held_against_the_record(make_world: Callable[..., World]) -> None:
    """Whoever edits the row cannot make us send again what the record says has left."""
    world = make_world(effect_settle_seconds=30)
    anna = world.approver("anna")
    run_id = world.pending("C00005")
    world.break_bss("POST", ADJUST, "late=600000;lost")
    world.send(run_id, world.sign(run_id, anna))
    world.until(lambda: "execute.doubted" in kinds(world, run_id), "the first request")
    engine = create_engine(world.settings.database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE effect SET sends = 0, lease_until = claimed_at"))
    engine.dispose()
    world.stop_worker()
    world.start_worker(effect_settle_seconds=0)
    assert "it is not sent again" in world.wait(run_id, "unknown_outcome").detail
    assert world.received(f"POST {ADJUST}") == 1
