"""The base's pass decides for each customer what `decide` does, however the base is cut into frames."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.decisioning.cohorts.cohort import frame_of
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.sweeping import NOBODY, sweep
from tests.unit.next_best_action.drawing import NOON, decided, live, rows

STRATEGIES: list[Live] = [
    live(),
    live(("name: keep_at_risk", "name: aaa"), ("removes: 15 %", "removes: 14 %")),
    live(("name: keep_at_risk", "name: half"), ("purpose: marketing", "purpose: service"), reached=4_000),
    live(("name: keep_at_risk", "name: plans"), ("chance: 4.5 %, worth: 3.00 USD", "chance: 60 %, worth: 30.00 USD")),
    live(("name: keep_at_risk", "name: euro"), ("[sms, push, agent]", "[agent]")),
    live(("name: keep_at_risk", "name: tries"), ("holdout: 10 %", "holdout: 10 %\nexplore: 50 %")),
    live(("name: keep_at_risk", "name: tries_more"), ("holdout: 10 %", "holdout: 10 %\nexplore: 40 %")),
]


@settings(max_examples=60)
@given(
    base=st.lists(rows(), max_size=25),
    channel=st.sampled_from(["sms", "agent", "email"]),
    hour=st.sampled_from([3, 18]),
    many=st.integers(0, len(STRATEGIES)),
    cut=st.integers(0, 25),
)
def test_everybody_gets_what_each_one_gets(base: list[Row], channel: Any, hour: int, many: int, cut: int) -> None:
    at, strategies = datetime(2026, 12, 10, hour, tzinfo=UTC), STRATEGIES[:many]
    ready = prepare(strategies, channel, at)
    numbers = {(c.live.strategy.name, c.treatment.code): c.number for one in ready for c in one.candidates}
    fell: Counter[tuple[int, str]] = Counter()
    expected: list[tuple[int, int | None, int | None]] = []
    for row in base:
        found = decided(strategies, row, channel, at)
        chosen = found.chosen
        if chosen is None:
            expected.append((NOBODY, None, None))
        else:
            assert chosen.cost is not None
            assert chosen.value is not None
            number = numbers[chosen.strategy, chosen.treatment]
            expected.append((number, chosen.cost.amount_minor, chosen.value.amount_minor))
        fell.update((numbers[one.strategy, one.treatment], one.fell) for one in found.weighed if one.fell)
    swept = [sweep(ready, frame_of(part)) for part in (base[:cut], base[cut:]) if part]
    assert [row for one in swept for row in one.chosen.rows()] == expected
    counted: Counter[tuple[int, str]] = Counter()
    for one in swept:
        counted.update(one.fell)
    assert counted == fell


def test_nobody_is_decided_for_in_an_empty_frame() -> None:
    found = sweep(prepare(STRATEGIES, "sms", NOON), frame_of([]))
    assert found.chosen.height == 0
    assert found.chosen.schema == {"candidate": pl.Int32, "cost": pl.Int64, "value": pl.Int64}
