"""Prints the tables of figures in docs/outcomes.md: `python -m tests.unit.outcomes.figures`.

All customers in it are simulated. The seeds are others than those of the tests.
"""

from collections.abc import Iterable

import numpy as np

from placet.contracts.outcomes.figures import Between
from placet.contracts.outcomes.guard import Counting
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.contracts.outcomes.uplift import Uplift
from placet.decisioning.guard_rails.sequences import critical
from placet.decisioning.outcomes.groups import Figures, amount_group
from placet.decisioning.outcomes.intervals import difference, share_range, standard_errors
from placet.decisioning.outcomes.narrowing import narrowed_uplift
from placet.decisioning.outcomes.off_policy import off_policy
from placet.decisioning.outcomes.uplift import uplift
from tests.support.strategies.published import strategy
from tests.unit.guard_rails import rollouts
from tests.unit.guard_rails.test_sequences import STAGES, ever
from tests.unit.outcomes import test_changed_rule, test_narrowing, test_off_policy
from tests.unit.outcomes.simulating import TIMES, covered, mean_spend, spend

SEED = 70_000
HOW: tuple[Counting, ...] = ("once", "anew")


def _row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")  # noqa: T201


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _wide(found: Iterable[Between]) -> float:
    return float(np.mean([one.high - one.low for one in found]))


def shares() -> None:
    """Print how often intervals of shares cover the truth: not simulated, but every outcome with its chance."""
    z = standard_errors(9_500)
    for rate in (0.002, 0.01, 0.05, 0.30):
        for treated, control in ((60, 60), (900, 100), (4_500, 500)):
            (ours, a), (theirs, b) = _binomial(treated, rate * 0.8), _binomial(control, rate)
            low, high = difference(share_range(treated, ours[:, None], z), share_range(control, theirs[None, :], z))
            inside = (low <= rate * -0.2) & (rate * -0.2 <= high)
            _row(f"{rate * 100:g} %", f"{treated:,} and {control:,}", _percent(float((np.outer(a, b) * inside).sum())))


def _binomial(many: int, rate: float) -> tuple[Figures, Figures]:
    """Return how many may have it, and how likely each is."""
    had = np.arange(many + 1)
    ways = np.concatenate(([0.0], np.cumsum(np.log((many - had[1:] + 1) / had[1:]))))
    return had.astype(np.float64), np.exp(ways + had * np.log(rate) + (many - had) * np.log1p(-rate))


def spends() -> None:
    """Print how often intervals of spend cover the truth, and how often there is none."""
    for sigma, none in ((0.6, 0.2), (1.0, 0.4), (1.2, 0.5), (1.5, 0.6)):
        for treated, control in ((900, 100), (2_000, 500)):
            ours = spend(SEED + treated, treated, sigma=sigma, none=none, scale=1_050.0)
            theirs = spend(SEED + control, control, sigma=sigma, none=none)
            found = [uplift(amount_group(a), amount_group(b)) for a, b in zip(ours, theirs, strict=True)]
            known = [one.between for one in found if isinstance(one, Uplift)]
            truth = mean_spend(sigma=sigma, none=none, scale=1_050.0) - mean_spend(sigma=sigma, none=none)
            what = f"log-normal {sigma}, {none * 100:.0f} % nothing"
            _row("spend", what, f"{treated:,} and {control:,}", _percent(covered(known, truth)), TIMES - len(known))


def narrowed() -> None:
    """Print how much what was known before narrows, and whether the truth stays covered."""
    for like in (0.0, 0.5, 0.9):
        ours = test_narrowing.made_spend(SEED + int(10 * like), 900, like=like, lift=test_narrowing.LIFT)
        theirs = test_narrowing.made_spend(SEED + 50 + int(10 * like), 200, like=like, lift=1.0)
        found = [
            narrowed_uplift("amount", treated=a, treated_before=b, control=c, control_before=d)
            for a, b, c, d in zip(*ours, *theirs, strict=True)
        ]
        known = [one for one in found if isinstance(one, Uplift)]
        plain = [one.narrowing.plain_between for one in known if one.narrowing is not None]
        used = [one.narrowing.used for one in known if one.narrowing is not None]
        between = [one.between for one in known]
        _row(
            f"{like:g}",
            _percent(covered(between, test_narrowing.TRUTH)),
            _percent(covered(plain, test_narrowing.TRUTH)),
            _percent(float(np.mean(used))),
            _percent(1 - _wide(between) / _wide(plain)),
        )


def changed() -> None:
    """Print how often estimates of a changed strategy cover the truth."""
    for unit, outcome, each in test_off_policy.OUTCOMES:
        logs = [test_off_policy.made_log(SEED + seed, 1_000, outcome) for seed in range(TIMES)]
        for name in test_off_policy.ESTIMATORS:
            found = [off_policy(log, unit, name) for log in logs]
            known = [one for one in found if isinstance(one, OffPolicyEstimate)]
            apart = (test_off_policy.TRUE_RATE - test_off_policy.TRUE_LOGGED) * each
            _row(
                unit,
                name,
                _percent(covered((one.between for one in known), test_off_policy.TRUE_RATE * each)),
                _percent(covered((one.difference_between for one in known), apart)),
                f"{_wide(one.between for one in known) / 1e6 / each * 100:.1f} points",
                TIMES - len(known),
            )


def rule() -> None:
    """Print how often the difference of two rules is covered, where the logged one explores."""
    of = strategy(("holdout: 20 %", "holdout: 20 %\nexplore: 20 %"))
    logs = [test_changed_rule.logged(of, SEED + seed) for seed in range(TIMES)]
    for name in test_off_policy.ESTIMATORS:
        known = [one for log in logs if isinstance(one := off_policy(log, "share", name), OffPolicyEstimate)]
        apart = [one.difference_between for one in known]
        held = covered(apart, test_changed_rule.TRUTH)
        _row(name, _percent(held), f"{_wide(apart) / 1e6 * 100:.1f} points", TIMES - len(known))


def rails() -> None:
    """Print how often rollouts exactly at a margin are ever failed and ever passed, in sixty looks."""
    z, even = standard_errors(9_500), rollouts.even
    plans = (
        ("300 and 300", even(300), even(300)),
        ("900 and 100", even(900), even(100)),
        ("stages", STAGES, even(100)),
    )
    for rate in (0.002, 0.01, 0.05, 0.30):
        for name, treated, control in plans:
            of = rollouts.rail(margin="0.5 points")
            seen = rollouts.shares(SEED, treated, control, rate=rate + 0.005, theirs=rate)
            (failed, passed), (fooled, _) = ever(of, seen), ever(of, seen, z)
            _row(f"share {rate * 100:g} %", name, _percent(failed), _percent(passed), _percent(fooled))
    for sigma, none in ((0.6, 0.2), (1.0, 0.4), (1.5, 0.6)):
        of = rollouts.rail("spend", "fall", "5 %")
        seen = rollouts.amounts(SEED, 90, 30, lift=0.95, sigma=sigma, none=none)
        (failed, passed), (fooled, _) = ever(of, seen), ever(of, seen, z)
        _row(f"spend {sigma}, {none * 100:.0f} % nothing", "90 and 30", *map(_percent, (failed, passed, fooled)))
    for sample in (20, 50):
        of = rollouts.rail(margin="5 points", sample=sample)
        seen = rollouts.shares(SEED, even(10), even(10), rate=0.15, theirs=0.10)
        (failed, passed), (fooled, _) = ever(of, seen), ever(of, seen, z)
        _row(f"share 10 %, sample {sample}", "10 and 10", *map(_percent, (failed, passed, fooled)))


def found_harm() -> None:
    """Print how many rollouts with a harm are ever failed, and how many without one ever pass."""
    for harm in (0.0, 0.0025, 0.005, 0.0075, 0.01, 0.02):
        seen = rollouts.shares(SEED, rollouts.even(900), rollouts.even(100), rate=0.02 + harm, theirs=0.02)
        failed, passed = ever(rollouts.rail(margin="0.5 points"), seen)
        _row(f"{harm * 100:g} points", _percent(failed), _percent(passed))
    for look in (1, 10, 60):
        _row(
            look,
            *(
                f"{float(critical(how, told=500 * look, sample=500, look=look, alpha=0.05)):.2f}"
                for how in ("once", "anew")
            ),
        )


if __name__ == "__main__":
    for table in (shares, spends, narrowed, changed, rule, rails, found_harm):
        table()
        print()  # noqa: T201
