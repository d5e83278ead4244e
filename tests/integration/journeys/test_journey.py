"""A customer goes through the steps of a strategy: each once, in order, and every mutation by a governed run."""

from placet.interfaces.record_words import in_words
from tests.support.strategies.published import Shop, events
from tests.support.strategies.travelling import entered


def test_from_entering_to_the_exit_by_events_and_runs_that_the_strategy_clears(shop: Shop) -> None:
    trip = entered(shop)
    first = trip.treated()
    assert events(first, "mandate.consumed")
    waits = trip.look()
    assert (waits.phase, waits.step) == ("waiting_for", "first_use")
    trip.happens("app.visited", {"screen": "home"})
    trip.happens("balance.checked", {"channel": "app"}, times=2)
    second = trip.treated()
    assert (second.run.step, first.run.step) == ("reward", "welcome")
    assert trip.look().phase == "over"
    assert trip.way() == ["welcome", "first_use", "which", "reward", "done", "exit"]
    assert shop.adjustments() == 2
    row = trip.row()
    assert (row.ended_code, row.reason) == ("exit", "they have started")
    assert row.told_at is not None
    told = [in_words(entry) for entry in trip.entries()]
    assert "from step welcome to first use" in told[1]
    assert "LEFT strategy keep_at_risk" in told[-1]
