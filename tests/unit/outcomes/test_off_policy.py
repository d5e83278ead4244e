"""What a changed strategy would have brought is estimated as it truly is, or nothing is said."""

import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from placet.contracts.outcomes.figures import MILLION, Unit, Unknown
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.decisioning.outcomes.off_policy import off_policy
from placet.governance.signing.canonical import canonical_bytes
from tests.unit.outcomes.simulating import LEAST_COVERED, TIMES, covered

ACTIONS = np.array(["credit", "data", "nothing"])
CONTEXTS = np.array(["new", "young", "old", "silent"])
CHOSEN = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.34, 0.33, 0.33]])
"""How likely the logged strategy chose each action in each context."""
RATES = np.array([[0.30, 0.10, 0.05], [0.05, 0.25, 0.10], [0.12, 0.06, 0.10], [0.02, 0.08, 0.01]])
"""How likely each converts."""
CHANGED = np.array([1, 0, 0, 1])
"""What the changed strategy does in each context: seldom what the logged one did."""
SEEN = np.array([0.3, 0.3, 0.2, 0.2])
"""How often each context comes."""
TRUE_RATE = float((SEEN * RATES[np.arange(4), CHANGED]).sum())
TRUE_LOGGED = float((SEEN * (CHOSEN * RATES).sum(axis=1)).sum())

ESTIMATORS: tuple[Estimator, ...] = ("ips", "snips", "dr")


def made_log(
    seed: int, decisions: int, outcome: Callable[[np.random.Generator, np.ndarray], np.ndarray]
) -> pl.DataFrame:
    chance = np.random.default_rng(seed)
    context = chance.choice(4, decisions, p=SEEN)
    action = (chance.random((decisions, 1)) > CHOSEN.cumsum(axis=1)[context]).sum(axis=1)
    return pl.DataFrame(
        {
            "context": CONTEXTS[context],
            "action": ACTIONS[action],
            "probability_bp": np.rint(CHOSEN[context, action] * 10_000).astype(np.int64),
            "outcome": outcome(chance, RATES[context, action]),
            "new_action": ACTIONS[CHANGED[context]],
        }
    )


def _converted(chance: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return (chance.random(len(rate)) < rate).astype(np.int64)


def _spent(chance: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    paid = np.exp(chance.standard_normal(len(rate)) * 0.8) * 1_000
    return np.where(chance.random(len(rate)) < rate, np.rint(paid), 0).astype(np.int64)


Outcome = Callable[[np.random.Generator, np.ndarray], np.ndarray]
OUTCOMES: tuple[tuple[Unit, Outcome, float], ...] = (
    ("share", _converted, 1.0),
    ("amount", _spent, 1_000 * math.exp(0.8**2 / 2)),
)
"""What comes of a decision, and what one who converts is worth."""


def _known(found: OffPolicyEstimate | Unknown) -> OffPolicyEstimate:
    assert isinstance(found, OffPolicyEstimate), found
    return found


def _code(found: OffPolicyEstimate | Unknown) -> str:
    assert isinstance(found, Unknown), found
    return found.code


@pytest.mark.parametrize(("unit", "outcome", "each"), OUTCOMES, ids=["share", "amount"])
def test_estimates_cover_the_truth(unit: Unit, outcome: Outcome, each: float) -> None:
    found: dict[Estimator, list[OffPolicyEstimate]] = {name: [] for name in ESTIMATORS}
    for seed in range(TIMES):
        log = made_log(seed, 1_000, outcome)
        for name in ESTIMATORS:
            one = off_policy(log, unit, name)
            if isinstance(one, Unknown):
                assert one.code in {"weights_off", "too_skewed"}
            else:
                found[name].append(one)
    for all_of in found.values():
        assert len(all_of) >= 0.95 * TIMES
        assert covered((one.between for one in all_of), TRUE_RATE * each) >= LEAST_COVERED
        assert covered((one.difference_between for one in all_of), (TRUE_RATE - TRUE_LOGGED) * each) >= LEAST_COVERED
    mean = {name: float(np.mean([one.value for one in all_of])) / MILLION / each for name, all_of in found.items()}
    assert all(abs(one - TRUE_RATE) < 0.003 for one in mean.values()), mean
    width = {name: np.mean([one.between.high - one.between.low for one in all_of]) for name, all_of in found.items()}
    assert width["dr"] < width["ips"]


def test_an_estimate_says_what_it_stands_on() -> None:
    log = made_log(7, 20_000, _converted)
    found = _known(off_policy(log, "share", "dr"))
    assert found.decisions == 20_000
    assert found.matched == int((log["action"] == log["new_action"]).sum())
    assert 0 < found.effective < found.matched
    assert found.between.low < TRUE_RATE * MILLION < found.between.high
    assert found.difference_between.low < (TRUE_RATE - TRUE_LOGGED) * MILLION < found.difference_between.high
    assert canonical_bytes(found)
    assert OffPolicyEstimate.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_order_of_the_log_changes_nothing(estimator: Estimator) -> None:
    log = made_log(3, 2_000, _converted)
    found, turned = (
        off_policy(log, "share", estimator),
        off_policy(log.sample(fraction=1, shuffle=True, seed=1), "share", estimator),
    )
    assert abs(_known(found).value - _known(turned).value) <= 1
    assert _known(found).matched == _known(turned).matched


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_strategy_that_was_not_changed_brings_what_it_brought(estimator: Estimator) -> None:
    log = made_log(3, 2_000, _converted).with_columns(probability_bp=pl.lit(10_000), new_action=pl.col("action"))
    found = _known(off_policy(log, "share", estimator))
    assert found.value == found.logged
    assert found.effective == found.decisions == found.matched


def test_a_choice_that_was_certain_tells_nothing_of_another() -> None:
    log = made_log(3, 2_000, _converted).with_columns(probability_bp=pl.lit(10_000))
    found = off_policy(log, "share", "dr")
    assert _code(found) == "no_overlap"
    assert isinstance(found, Unknown)
    assert "was never tried" in found.detail


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (pl.lit(0).alias("probability_bp"), "no_probability"),
        (pl.lit(10_001).alias("probability_bp"), "no_probability"),
        (pl.lit(None, pl.Int64).alias("probability_bp"), "no_probability"),
        (pl.lit(0.5).alias("probability_bp"), "no_probability"),
        (pl.lit(5_000).alias("probability_bp"), "weights_off"),
        (pl.lit("something else").alias("new_action"), "no_overlap"),
        (pl.lit(None, pl.String).alias("context"), "no_figure"),
        (pl.lit(1).alias("action"), "no_figure"),
        (pl.lit(2).alias("outcome"), "too_large"),
        (pl.lit(None, pl.Int64).alias("outcome"), "not_a_number"),
        (pl.lit(float("nan")).alias("outcome"), "not_a_number"),
    ],
)
def test_a_log_that_cannot_be_believed_gives_no_number(change: pl.Expr, code: str) -> None:
    assert _code(off_policy(made_log(3, 2_000, _converted).with_columns(change), "share", "dr")) == code


def test_a_share_is_never_told_as_more_than_all() -> None:
    log = made_log(3, 400, _converted).with_columns(outcome=pl.lit(1))
    for estimator in ESTIMATORS:
        found = _known(off_policy(log, "share", estimator))
        assert 0 <= found.between.low <= found.value <= found.between.high <= MILLION


def test_too_few_decisions_give_no_number() -> None:
    log = made_log(3, 2_000, _converted)
    assert _code(off_policy(log.head(60), "share", "ips")) == "too_few"
    assert _code(off_policy(log.head(0), "share", "ips")) == "nobody"
    assert _code(off_policy(log.drop("context"), "share", "ips")) == "no_figure"
