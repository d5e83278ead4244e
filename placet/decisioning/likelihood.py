"""What a proposal says of the probability that its customer leaves: the figure, its reasons, what computed it."""

from typing import Final

from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Reason
from placet.contracts.text import shortened
from placet.decisioning.words import leaving

CHURN: Final = "churn_bp"
REASON: Final = "churn_reason"
COUNTED, MODELLED = "churn_source", "churn_model"
CODES: Final = frozenset({CHURN, REASON, COUNTED, MODELLED})

_DETAIL: Final = 160


def reasons_of(likelihood: Likelihood) -> tuple[Reason, ...]:
    """Return where the probability comes from, as sentences of a proposal."""
    return tuple(
        Reason(code=REASON, detail=shortened(f"risk of leaving: {text}", _DETAIL)) for text in likelihood.reasons
    )


def computed_by(likelihood: Likelihood) -> Reason:
    """Return by what the probability was computed, as an assumption of a proposal."""
    code = MODELLED if likelihood.source == "model" else COUNTED
    return Reason(code=code, detail=shortened(likelihood.named, _DETAIL))


def told(likelihood: Likelihood) -> frozenset[Reason]:
    """Return everything that a proposal made with this probability says of it."""
    figure = Reason(code=CHURN, detail=shortened(leaving(likelihood.probability_bp), _DETAIL))
    return frozenset({figure, *reasons_of(likelihood), computed_by(likelihood)})
