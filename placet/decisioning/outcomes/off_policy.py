"""What a changed strategy would have brought, from choices that another one made and logged.

- `ips`: each outcome on which both agree, over the probability with which it was chosen (Horvitz and Thompson 1952).
- `snips`: the same over the sum of the weights instead of their number (Swaminathan and Joachims, NIPS 2015).
- `dr`: doubly robust (Dudík, Langford and Li, ICML 2011): what an outcome like it was elsewhere, corrected by `ips`.
  What it was elsewhere is the mean of the same action in the same context, without the decision itself, drawn towards
  the mean of all: so a decision never foretells itself, and the order of the log does not matter.

An action that the logged strategy never could have chosen is seen nowhere: then nothing is known, whatever the formula
gives.

Where the logged strategy explores, what it did is its own rule and some chance. A column `rule_action` says what its
rule alone chose: then the difference is that of the two rules, and a text that changes nothing differs by nothing.
"""

from typing import Final

import numpy as np
import polars as pl

from placet.contracts.outcomes.figures import MILLION, Unit, Unknown
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.decisioning.outcomes.groups import MOST_MEAN, Figures, read_values, unknown
from placet.decisioning.outcomes.intervals import MOST_SKEW, WHOLE_BP, range_of_terms, skewness, standard_errors
from placet.decisioning.outcomes.uplift import CONFIDENCE_BP, between

COLUMNS: Final = ("context", "action", "probability_bp", "outcome", "new_action")
"""Of a log: what was known, as a key; what was chosen; with which probability; what came of it; what the changed
strategy would have chosen."""
RULE: Final = "rule_action"
"""Of a log, where there is one: what the logged strategy would have chosen without chance."""
FEWEST_TRIED: Final = 20
"""Decisions in which chance tried the changed choice where the two rules differ."""
FEWEST_EFFECTIVE: Final = 50
_PRIOR: Final = 10.0
"""Decisions that the mean of all counts as, in the mean of one action in one context."""
_OFF: Final = 4.0
"""Standard errors by which the mean weight may miss 1."""


def off_policy(log: pl.DataFrame, unit: Unit, estimator: Estimator) -> OffPolicyEstimate | Unknown:
    """Return what the changed strategy would have brought on average, or why nobody can know.

    Args:
        log: A row for each decision, with `COLUMNS` and perhaps `RULE`; texts for contexts and actions, whole numbers
            for the others.
        unit: Of the outcome.
        estimator: How.
    """
    read = _read(log, unit) if RULE not in log.columns else _untried(log) or _read(log, unit)
    if isinstance(read, Unknown):
        return read
    outcome, weight = read
    terms = _terms(log, outcome, weight, estimator)
    rule = _of_rule(log, outcome, estimator)
    differing = terms - (outcome if rule is None else rule)
    skew = max(_skew(terms), 0.0 if rule is None else _skew(differing))
    if skew > MOST_SKEW:
        return unknown(
            "too_skewed", f"a few decisions of small probability decide it (skewness of the mean {skew:.2f})"
        )
    most = 1.0 if unit == "share" else MOST_MEAN
    found, apart = (range_of_terms(of, standard_errors(CONFIDENCE_BP)) for of in (terms, differing))
    if max(abs(float(end)) for end in (found.high, apart.low, apart.high)) > MOST_MEAN:
        return unknown("too_large", "weights times amounts are more than is judged")
    value, low, high = (min(max(float(one), 0.0), most) for one in (found.middle, found.low, found.high))
    return OffPolicyEstimate(
        estimator=estimator,
        unit=unit,
        decisions=len(outcome),
        matched=int((weight > 0).sum()),
        effective=int(_effective(weight)),
        logged=round(float(outcome.mean()) * MILLION),
        rule=None if rule is None else round(min(max(float(rule.mean()), 0.0), most) * MILLION),
        value=round(value * MILLION),
        between=between(value, low, high),
        difference=round(float(apart.middle) * MILLION),
        difference_between=between(float(apart.middle), float(apart.low), float(apart.high)),
        confidence_bp=CONFIDENCE_BP,
    )


def _skew(terms: Figures) -> float:
    return abs(float(skewness(len(terms), terms.var(ddof=1), ((terms - terms.mean()) ** 3).mean())))


def _of_rule(log: pl.DataFrame, outcome: Figures, estimator: Estimator) -> Figures | None:
    """Return the terms of what the rule of the logged strategy brings; None where the log has no rule."""
    if RULE not in log.columns:
        return None
    as_changed = log.with_columns(new_action=pl.col(RULE))
    return _terms(as_changed, outcome, _weights(as_changed), estimator)


def _untried(log: pl.DataFrame) -> Unknown | None:
    """Say that chance tried too little of what the changed strategy does otherwise."""
    found = _unreadable(log)
    if found is not None:
        return found
    if log[RULE].dtype != pl.String or log[RULE].null_count():
        return unknown("no_figure", f"column {RULE} of the log has to hold texts, and a row has none")
    differing = log.filter(pl.col("new_action") != pl.col(RULE))
    tried = int((differing["new_action"] == differing["action"]).sum())
    if differing.height and tried < FEWEST_TRIED:
        return unknown(
            "too_few",
            f"the two choose otherwise in {differing.height:,} decisions, and in {tried:,} of those chance tried what "
            f"the changed one chooses; it takes {FEWEST_TRIED}: wait for more of them, or explore with a larger share",
        )
    return None


def _read(log: pl.DataFrame, unit: Unit) -> tuple[Figures, Figures] | Unknown:
    """Return the outcomes and the weights, or why they say nothing."""
    found = _unreadable(log) or _impossible(log)
    if found is not None:
        return found
    outcome = read_values(log["outcome"], unit)
    if isinstance(outcome, Unknown):
        return unknown(outcome.code, f"outcome: {outcome.detail}")
    weight = _weights(log)
    off = _weights_off(weight)
    return (outcome.astype(np.float64), weight) if off is None else off


def _weights(log: pl.DataFrame) -> Figures:
    agree = (log["action"] == log["new_action"]).to_numpy()
    return np.asarray(np.where(agree, WHOLE_BP / log["probability_bp"].to_numpy().astype(np.float64), 0.0))


def _unreadable(log: pl.DataFrame) -> Unknown | None:
    missing = [name for name in COLUMNS if name not in log.columns]
    if missing:
        return unknown("no_figure", f"the log has no column {', '.join(missing)}")
    if log.height == 0:
        return unknown("nobody", "the log holds no decision")
    for name in ("context", "action", "new_action"):
        if log[name].dtype != pl.String or log[name].null_count():
            said = f"column {name} of the log is {log[name].dtype}, or a row has nothing in it: write texts"
            return unknown("no_figure", said)
    return None


def _impossible(log: pl.DataFrame) -> Unknown | None:
    """Say which probabilities nobody can have chosen by, or that some of the changed actions were never possible."""
    logged = log["probability_bp"]
    if not logged.dtype.is_integer() or logged.null_count():
        return unknown("no_probability", "a choice was logged without its probability in whole basis points")
    wrong = int(((logged < 1) | (logged > WHOLE_BP)).sum())
    if wrong:
        said = f"{wrong} choices were logged with a probability that is not 1 to 10,000 basis points"
        return unknown("no_probability", said)
    never = int(((log["action"] != log["new_action"]) & (logged == WHOLE_BP)).sum())
    if never:
        return unknown(
            "no_overlap",
            f"in {never} of {log.height} decisions the logged strategy was certain to choose otherwise: what the "
            "changed one does there was never tried",
        )
    return None


def _weights_off(weight: Figures) -> Unknown | None:
    """Say why weights tell too little, or cannot be those of the logged strategy: on average they are 1."""
    if not weight.any():
        return unknown("no_overlap", "the two strategies agree on no decision: nothing is known of the changed one")
    effective = _effective(weight)
    if effective < FEWEST_EFFECTIVE:
        return unknown(
            "too_few",
            f"the two strategies agree too seldom: the log tells as much as {effective:.0f} decisions would, and it "
            f"takes {FEWEST_EFFECTIVE}; wait for more of them",
        )
    found = range_of_terms(weight, _OFF)
    if not found.low - 1 / WHOLE_BP <= 1 <= found.high + 1 / WHOLE_BP:  # probabilities are rounded
        return unknown(
            "weights_off",
            f"weights are {weight.mean():.3f} on average and should be 1: probabilities were logged wrong, or some of "
            "the changed strategy's actions were never possible",
        )
    return None


def _effective(weight: Figures) -> float:
    """Return Kish's effective sample size."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def _terms(log: pl.DataFrame, outcome: Figures, weight: Figures, estimator: Estimator) -> Figures:
    """Return one number for each decision, of which the mean is the estimate."""
    if estimator == "ips":
        return weight * outcome
    if estimator == "snips":
        value = float((weight * outcome).sum() / weight.sum())
        return np.asarray(value + weight / weight.mean() * (outcome - value))
    chosen, changed = _foretold(log, outcome)
    return np.asarray(changed + weight * (outcome - chosen))


def _foretold(log: pl.DataFrame, outcome: Figures) -> tuple[Figures, Figures]:
    """Return what other decisions say of each one's action, and of the action that it is changed to."""
    rows = log.select("context", "action", "new_action").with_columns(outcome=pl.Series(outcome)).with_row_index("row")
    cells = rows.group_by("context", "action").agg(total=pl.col("outcome").sum(), many=pl.len())
    many, total = len(outcome), float(outcome.sum())
    overall = (total - outcome) / max(many - 1, 1)

    def told(by: str) -> Figures:
        found = (
            rows.join(cells, left_on=["context", by], right_on=["context", "action"], how="left")
            .sort("row")
            .select(pl.col("total").fill_null(0.0), pl.col("many").fill_null(0))
        )
        own = (log[by] == log["action"]).to_numpy()
        others = found["total"].to_numpy() - np.where(own, outcome, 0.0)
        count = found["many"].to_numpy().astype(np.float64) - own
        return np.asarray((others + _PRIOR * overall) / (count + _PRIOR))

    return told("action"), told("new_action")
