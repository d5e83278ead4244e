"""A preview counts what decisions for each customer say, on both databases, however the base is cut."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from placet.contracts.strategies.treatment import StrategyTreatment
from placet.decisioning.assignment.shares import assign
from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.worth import BILLED, ONE, RECHARGED, cost, monthly
from placet.entrypoints.processes.base_reading import plan_apart, strategy_preview_apart
from placet.errors import UsageError
from placet.interfaces.telling.strategies import preview_lines
from placet.service.base_file import export_base
from placet.service.cohorts import LeftOut, base_rows
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.deciding import decide_for
from placet.service.strategies.planning import plan
from placet.service.strategies.previewing import preview, preview_of
from placet.storage.database import Database
from tests.integration.cohorts.conftest import NOW, base
from tests.integration.strategies.test_strategy_cli import EVERYBODY

__all__ = ["base"]

STRATEGY = strategy_of(EVERYBODY.replace("hold_days: 14", "hold_days: 10"), "everybody")


def test_everybody_is_counted_where_they_are(base: Database) -> None:
    found = preview(base, "demo", STRATEGY, NOW)
    rows = [row for page in base_rows(base, "demo", NOW) for row in page]
    cohort = cohort_of(STRATEGY.cohort)
    members = [row for row in rows if cohort.has(row)]
    weights = {arm.name: arm.share for arm in STRATEGY.arms}
    drawn = {
        str(row["customer_id"]): assign(STRATEGY.name, str(row["customer_id"]), holdout_bp=1_000, weights=weights)
        for row in members
    }
    treated = [row for row in members if not drawn[str(row["customer_id"])].held_out]
    assert (found.base, found.members) == (len(rows), len(members))
    assert found.control == len(members) - len(treated)
    assert {stage.share: stage.treated for stage in found.stages} == {
        share: sum(one.treated_at(share) for one in drawn.values()) for share in (5_000, 10_000)
    }
    arms = Counter(one.arm for one in drawn.values() if not one.held_out)
    assert {arm.name: arm.treated for arm in found.arms} == {name: arms[name] for name in weights}
    for treatment, shown in zip(STRATEGY.treatments, found.treatments, strict=True):
        falls = Counter(_falls(row, treatment) for row in treated if _may(row, treatment))
        assert shown.other_arm == sum(not _may(row, treatment) for row in treated)
        assert shown.could_get == falls.pop("", 0)
        assert {one.code: one.customers for one in shown.removed} == dict(falls)
        could_get = [row for row in treated if _may(row, treatment) and not _falls(row, treatment)]
        costs = [cost(treatment.action, monthly(row[BILLED], row[RECHARGED], ONE), ONE) for row in could_get]
        most = treatment.action.at_most.amount_minor
        assert shown.would_cost.amount_minor == sum(one for one in costs if one <= most)
        assert shown.in_all_at_most.amount_minor == shown.could_get * shown.at_most.amount_minor
    could = [[one for one in STRATEGY.treatments if _may(row, one) and not _falls(row, one)] for row in treated]
    assert found.could_get_none == sum(not theirs for theirs in could)
    dearest = (max((one.action.at_most.amount_minor for one in theirs), default=0) for theirs in could)
    assert found.most_cost.amount_minor == sum(dearest)


def _may(row: Row, treatment: StrategyTreatment) -> bool:
    """Return whether the customer's arm has a treatment."""
    weights = {arm.name: arm.share for arm in STRATEGY.arms}
    drawn = assign(STRATEGY.name, str(row["customer_id"]), holdout_bp=1_000, weights=weights)
    return any(arm.name == drawn.arm and treatment.code in arm.treatments for arm in STRATEGY.arms)


def _falls(row: Row, treatment: StrategyTreatment) -> str:
    return next((rule.code for _, _, rule in treatment.rules() if not cohort_of(rule.when).has(row)), "")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_how_the_base_is_cut_does_not_matter(base: Database, size: int) -> None:
    rows = [row for page in base_rows(base, "demo", NOW) for row in page]
    frames = [frame_of(rows[at : at + size]) for at in range(0, len(rows), size)]
    assert preview_of(frames, STRATEGY, NOW, LeftOut()) == preview(base, "demo", STRATEGY, NOW)


def test_who_pays_in_another_currency_is_counted_apart_and_nowhere_else(base: Database) -> None:
    """So does a decision: they fall before the control group is drawn."""
    rows = [row for page in base_rows(base, "demo", NOW) for row in page]
    abroad = [{**row, "currency": "EUR"} if number % 3 else row for number, row in enumerate(rows)]
    found = preview_of([frame_of(abroad)], STRATEGY, NOW, LeftOut())
    at_home = preview_of([frame_of([row for row in abroad if row["currency"] != "EUR"])], STRATEGY, NOW, LeftOut())
    assert found.other_currency == sum(row["currency"] == "EUR" for row in abroad)
    assert (found.control, found.stages, found.treatments, found.most_cost) == (
        at_home.control,
        at_home.stages,
        at_home.treatments,
        at_home.most_cost,
    )


def test_a_strategy_that_is_over_and_rails_that_never_fire_are_told(base: Database) -> None:
    over = STRATEGY.model_copy(update={"term": STRATEGY.term.model_copy(update={"last": date(2026, 2, 28)})})
    assert preview(base, "demo", STRATEGY, NOW).ended is None
    found = preview(base, "demo", over, NOW)
    assert found.ended == date(2026, 2, 28) < NOW.date()
    said = {heading: words for _, heading, words in preview_lines(found)}
    assert said["over"] == "it ended on 2026-02-28: nobody would be told anything"
    smaller = min(found.control, found.stages[-1].treated)
    assert said["warning"].startswith("guard rails that never tell anything: the smaller of")
    assert f"has {smaller} customer" in said["warning"]
    assert said["warning"].endswith("they want 500 for complaints, 500 for spend")


def test_a_base_of_nobody_is_counted() -> None:
    found = preview_of([], STRATEGY, NOW, LeftOut())
    assert (found.base, found.members, found.control, found.could_get_none) == (0, 0, 0, 0)


def test_a_decision_stands_on_the_state_as_of_its_time(base: Database) -> None:
    customer = next(str(row["customer_id"]) for page in base_rows(base, "demo", NOW) for row in page)
    found = decide_for(base, "demo", customer, [STRATEGY], channel="agent", at=NOW)
    assert found.as_of == NOW
    assert found.state_version > 0
    assert found.customer_id == customer
    before = decide_for(base, "demo", customer, [STRATEGY], channel="agent", at=datetime(2026, 2, 10, tzinfo=UTC))
    assert before.as_of < found.as_of


def test_a_plan_counts_the_decisions_of_everybody(base: Database) -> None:
    """Two strategies want nearly the same customers: each customer gets one treatment, counted once."""
    other = strategy_of(
        EVERYBODY.replace("name: keep_at_risk", "name: other")
        .replace("hold_days: 14", "hold_days: 10")
        .replace("chance: 4.5 %, worth: 3.00 USD", "chance: 40 %, worth: 30.00 USD"),
        "other",
    )
    strategies = [STRATEGY, other]
    found = plan(base, "demo", strategies, "agent", NOW)
    rows = [row for page in base_rows(base, "demo", NOW) for row in page]
    chosen: Counter[tuple[str, str]] = Counter()
    fell: Counter[tuple[str, str, str]] = Counter()
    cost: Counter[str] = Counter()
    for row in rows:
        decided = decide_for(base, "demo", str(row["customer_id"]), strategies, channel="agent", at=NOW)
        for one in decided.weighed:
            if one.fell is None:
                assert one.cost is not None
                chosen[one.strategy, one.treatment] += 1
                cost[one.strategy] += one.cost.amount_minor
            else:
                fell[one.strategy, one.treatment, one.fell] += 1
    assert sum(chosen.values()) == found.chosen > 0
    assert found.several > 0
    for planned in found.strategies:
        assert planned.cost.amount_minor == cost[planned.name]
        for each in planned.treatments:
            assert each.chosen == chosen[planned.name, each.treatment]
            assert {one.fell: one.customers for one in each.fallen} == {
                where: many
                for (name, treatment, where), many in fell.items()
                if (name, treatment) == (planned.name, each.treatment)
            }


def test_a_file_of_the_base_answers_as_the_database(base: Database, tmp_path: Path) -> None:
    path = tmp_path / "base.parquet"
    export_base(base, "demo", NOW, path, now=NOW)
    text = EVERYBODY.replace("hold_days: 14", "hold_days: 10")
    assert strategy_preview_apart(path, "demo", text).found == preview(base, "demo", STRATEGY, NOW)
    assert plan_apart(path, "demo", [text], "sms").found == plan(base, "demo", [STRATEGY], "sms", NOW)
    with pytest.raises(UsageError, match="is given twice"):
        plan_apart(path, "demo", [text, text], "sms")
    with pytest.raises(UsageError, match="holdout: 10: write it with its unit"):
        strategy_preview_apart(path, "demo", text.replace("holdout: 10 %", "holdout: 10"))
