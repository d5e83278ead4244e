"""The difference of two rules is held by its interval in the share that it says, where the truth is known.

All customers here are simulated. The draw is the product's own: who is explored, and what chance picks.
"""

from typing import Final

import numpy as np
import polars as pl
import pytest

from placet.contracts.outcomes.figures import MILLION, Unknown
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.next_best_action.exploring import choose, ranked
from placet.decisioning.outcomes.off_policy import FEWEST_TRIED, RULE, off_policy
from tests.support.strategies.published import strategy
from tests.unit.outcomes.simulating import LEAST_COVERED, covered

SEEDS: Final = 400
CUSTOMERS: Final = 900
COLUMNS_OF: Final = ("context", "action", "probability_bp", "outcome", "new_action", RULE)
CODES: Final = ("loyalty_credit", "small_credit")
CONVERTS: Final = np.array([[0.10, 0.25], [0.30, 0.20], [0.15, 0.15]])
"""How likely customers of each kind convert after each treatment: the truth."""
KINDS: Final = np.array([0.4, 0.4, 0.2])
RULE_PICKS: Final = (0, 0, 1)
"""What the published text ranks first for each kind."""
CHANGED_PICKS: Final = (1, 0, 1)
"""What the changed one does: it is right about the first kind."""
TRUTH: Final = float(
    sum(KINDS[kind] * (CONVERTS[kind][CHANGED_PICKS[kind]] - CONVERTS[kind][RULE_PICKS[kind]]) for kind in range(3))
)


def logged(of: Strategy, seed: int, picks: tuple[int, ...] = CHANGED_PICKS, customers: int = CUSTOMERS) -> pl.DataFrame:
    """Return what an exploring strategy logged, by its own draw."""
    chance = np.random.default_rng(seed)
    kinds = chance.choice(3, customers, p=KINDS)
    rows: list[tuple[str, str, int, int, str, str]] = []
    for number, kind in enumerate(kinds):
        worth = {code: 100 - 10 * (place != RULE_PICKS[kind]) for place, code in enumerate(CODES)}
        made = choose(of, f"T{seed}-{number}", worth)
        assert made is not None
        rate = CONVERTS[kind][CODES.index(made.treatment)]
        outcome = int(chance.random() < rate)
        first = ranked(of, worth)[0]
        rows.append((str(kind), made.treatment, made.probability, outcome, CODES[picks[kind]], first))
    return pl.DataFrame(rows, schema=list(COLUMNS_OF), orient="row")


@pytest.fixture(scope="module")
def exploring() -> Strategy:
    return strategy(("holdout: 20 %", "holdout: 20 %\nexplore: 20 %"))


@pytest.fixture(scope="module")
def logs(exploring: Strategy) -> list[pl.DataFrame]:
    return [logged(exploring, seed) for seed in range(SEEDS)]


@pytest.mark.parametrize("estimator", ["ips", "snips", "dr"])
def test_the_interval_of_the_difference_holds_the_truth(logs: list[pl.DataFrame], estimator: Estimator) -> None:
    found = [off_policy(log, "share", estimator) for log in logs]
    known = [one for one in found if isinstance(one, OffPolicyEstimate)]
    assert {one.code for one in found if isinstance(one, Unknown)} <= {"weights_off", "too_few"}
    assert len(known) >= 0.95 * SEEDS
    held = covered((one.difference_between for one in known), TRUTH)
    assert held >= LEAST_COVERED - 0.02, f"{held:.3f}: known to two points of {SEEDS} simulations"
    mean = float(np.mean([one.difference for one in known])) / MILLION
    assert abs(mean - TRUTH) < 0.005


def test_a_text_that_changes_nothing_differs_by_nothing(exploring: Strategy) -> None:
    log = logged(exploring, 7, RULE_PICKS)
    for estimator in ("ips", "snips", "dr"):
        found = off_policy(log, "share", estimator)
        assert isinstance(found, OffPolicyEstimate)
        assert (found.difference, found.difference_between.low, found.difference_between.high) == (0, 0, 0)
        assert found.rule == found.value


def test_what_chance_tried_too_seldom_is_not_told(exploring: Strategy) -> None:
    log = logged(exploring, 7)
    differing = log.filter(pl.col("new_action") != pl.col(RULE))
    tried = differing.filter(pl.col("action") == pl.col("new_action")).height
    assert tried >= FEWEST_TRIED
    rare = pl.concat([log.filter(pl.col("new_action") == pl.col(RULE)), differing.head(60)])
    found = off_policy(rare, "share", "dr")
    assert isinstance(found, Unknown)
    assert found.code == "too_few"
    assert "chance tried" in found.detail
