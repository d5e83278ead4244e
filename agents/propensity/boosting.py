"""Trees of one split, boosted by LightGBM. The only importer of it, and only when something is trained or scored.

With one split a tree, the model is a sum of one curve for each feature. That cost nothing in the measurements of ADR
0042, and what the model says can be checked feature by feature. One thread, no sampling and a fixed order of rows: the
same rows and the same version give the same text.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from agents.propensity.encoding import Figures
from agents.propensity.model_text import check_text
from placet.errors import ConfigurationError, UsageError

ROUNDS: Final = 800
PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 2,
    "learning_rate": 0.03,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "max_bin": 255,
    "bin_construct_sample_cnt": 2_000_000,
    "enable_bundle": False,
    "feature_pre_filter": False,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbosity": -1,
}
_AT_ONCE: Final = 50_000
_EXACT: Final = 1e-6
"""How far contributions and score may differ, in log-odds: they are sums of the same numbers in another order."""


class Trees:
    """A model that was trained or read."""

    def __init__(self, text: str, names: Sequence[str], signs: Sequence[int]) -> None:
        """Read a model's text.

        Raises:
            ConfigurationError: it is not what training here writes, or LightGBM cannot be loaded.
        """
        check_text(text, names, signs)
        self.text = text
        self._booster = _lightgbm().Booster(model_str=text)

    def log_odds(self, figures: Figures) -> Figures:
        """Return the raw score of each row."""
        parts = [
            np.asarray(self._booster.predict(part, raw_score=True, num_threads=1), dtype=np.float64)
            for part in _parts(figures)
        ]
        return np.concatenate(parts)

    def contributions(self, figures: Figures) -> tuple[float, Figures]:
        """Return the base, and the exact Shapley value of every input for each row, in log-odds (TreeSHAP).

        Raises:
            ConfigurationError: they do not add up to the scores, and so explain nothing.
        """
        parts = [
            np.asarray(self._booster.predict(part, pred_contrib=True, num_threads=1), dtype=np.float64)
            for part in _parts(figures)
        ]
        values = np.concatenate(parts)
        if not np.allclose(values.sum(axis=1), self.log_odds(figures), rtol=0, atol=_EXACT):
            raise ConfigurationError("the contributions of this model do not add up to its scores; train it again")
        return float(values[0, -1]), values[:, :-1]


def train(figures: Figures, left: Figures, names: Sequence[str], signs: Sequence[int]) -> Trees:
    """Train on rows that are in an order of their own; see `training`.

    Raises:
        ConfigurationError: LightGBM cannot be loaded.
        UsageError: nothing could be split on.
    """
    lightgbm = _lightgbm()
    parameters = {**PARAMETERS, "monotone_constraints": list(signs)}
    data = lightgbm.Dataset(figures, left, feature_name=list(names), params=parameters, free_raw_data=True)
    booster = lightgbm.train(parameters, data, num_boost_round=ROUNDS)
    text = booster.model_to_string()
    # Without any split it writes one tree, of one leaf.
    if "\nnum_leaves=1\n" in text:
        raise UsageError(
            "no feature distinguishes who left from who stayed: each is the same for all customers, or nearly; "
            "map columns that differ"
        )
    return Trees(text, names, signs)


def library() -> str:
    """Name LightGBM with its version."""
    return f"LightGBM {_lightgbm().__version__}"


def _parts(figures: Figures) -> list[Figures]:
    return [figures[begin : begin + _AT_ONCE] for begin in range(0, len(figures), _AT_ONCE)]


def _lightgbm() -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - half a second, for the few who need it
    except OSError as error:  # its wheel brings no OpenMP
        raise ConfigurationError(f"cannot load LightGBM: {error}; install libgomp (Debian: libgomp1)") from error
    return lightgbm
