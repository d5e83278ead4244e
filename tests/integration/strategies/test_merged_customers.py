"""A person with several ids is drawn once: a signed merge must not let them leave the control group by another id."""

from placet.decisioning.assignment.shares import assign
from placet.service.cohorts import fold_all
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.deciding import decide_for
from placet.service.strategies.previewing import preview
from placet.storage.database import Database
from tests.integration.state.sending import NOW, take
from tests.integration.state.test_merging import People, of, people
from tests.unit.strategies.texts import edited

__all__ = ["people"]

STRATEGY = strategy_of(
    edited(("cohort: churn_percent >= 30 AND tenure_days >= 90", "cohort: recharges_30d > 0")), "all"
)


def _held(customer_id: str) -> bool:
    return assign(STRATEGY.name, customer_id, holdout_bp=STRATEGY.holdout, weights={}).held_out


def test_whichever_id_is_asked_the_person_is_drawn_by_the_one_that_the_base_counts(
    database: Database, people: People
) -> None:
    ids = [f"C{number}" for number in range(1, 200)]
    held, free = next(filter(_held, ids)), next(one for one in ids if not _held(one))
    take(database, *of(held, 1, 30), *of(free, 2))
    fold_all(database, "demo")

    def fell(customer_id: str) -> tuple[str, str | None]:
        found = decide_for(database, "demo", customer_id, [STRATEGY], channel="agent", at=NOW)
        return found.customer_id, found.weighed[0].fell

    assert fell(held) == (held, "control_group")
    assert fell(free)[1] != "control_group"
    people.merge(held, free)
    assert fell(free) == fell(held) == (held, "control_group")
    counted = preview(database, "demo", STRATEGY, NOW)
    assert (counted.base, counted.control) == (1, 1)


def test_who_is_merged_into_an_id_without_events_is_drawn_as_they_are_counted(
    database: Database, people: People
) -> None:
    take(database, *of("C2", 1))
    fold_all(database, "demo")
    people.merge("C1", "C2")
    found = decide_for(database, "demo", "C1", [STRATEGY], channel="agent", at=NOW)
    assert found.customer_id == "C2"
