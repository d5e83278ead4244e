"""A decision in the words of a proposal: the same, whichever strategy or catalogue made it."""

from collections.abc import Sequence
from typing import Final

from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Candidate, Reason
from placet.contracts.strategies.catalogue import Catalogue
from placet.contracts.strategies.strategy import ValueModel
from placet.contracts.strategies.treatment import Staying, StrategyTreatment
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import NAME, quoted, shortened
from placet.decisioning.likelihood import computed_by
from placet.decisioning.words import months

_DETAIL: Final = 160

CHOICES: Final = frozenset({"worth_most", "explored"})
"""Codes of why a candidate was chosen; all other reasons for one are its text's own."""


def why_nothing(candidates: Sequence[Candidate]) -> str:
    """Say where all fell; of what they all fell for, once."""
    fallen = [(one.name, one.reasons_against[0].detail) for one in candidates if not one.eligible]
    if len({detail for _, detail in fallen}) == 1:
        return f"every treatment: {fallen[0][1]}"
    return "; ".join(f"{name} ({detail})" for name, detail in fallen)


def weighed_by(catalogue: Catalogue) -> Reason:
    """Return which catalogue a customer was weighed by, as the first of what is told of them."""
    said = f"is in the cohort of catalogue {quoted(catalogue.title, NAME)} ({catalogue.name}), which nobody signs"
    return Reason(code="catalogue", detail=shortened(said, _DETAIL))


def assumptions_of(
    model: ValueModel, treatments: Sequence[StrategyTreatment], code: str, likelihood: Likelihood
) -> tuple[Reason, ...]:
    """Return what the value of a treatment takes for granted."""
    gain = next(one.value for one in treatments if one.code == code)
    if isinstance(gain, Staying):
        effect = f"the treatment removes {share_in_words(gain.removes)} of the chance of leaving"
    else:
        effect = f"{share_in_words(gain.chance)} take it up, and then spend {gain.worth} more for {months(gain.months)}"
    return (
        Reason(code="margin", detail=f"{share_in_words(model.margin)} of revenue is margin"),
        Reason(code="horizon", detail=f"a customer who is kept counts for {months(model.horizon_months)}"),
        Reason(code="effect", detail=effect),
        computed_by(likelihood),
    )
