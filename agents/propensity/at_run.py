"""What a churn model says of the customer of a run: from the run's own evidence and live state, and nothing else.

A feature that the evidence does not show is named, never guessed: without it there is no probability.
"""

from collections.abc import Mapping as Cells

import polars as pl

from agents.likelihood import MISSING
from agents.propensity.model import ChurnModel
from agents.propensity.table import Table
from placet.contracts.billing import Evidence, HeldProduct
from placet.contracts.customer import CustomerProfile
from placet.contracts.money import minor_digits
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.propensity.mapping import Feature, Mapping, RunSource
from placet.contracts.state import CustomerState
from placet.contracts.text import counted
from placet.errors import ConfigurationError, UsageError


class ModelSource:
    """A model in use; implements `agents.likelihood.LikelihoodSource`."""

    def __init__(self, model: ChurnModel, *, to_come: bool = True) -> None:
        """Take a model.

        Args:
            model: The model.
            to_come: Whether runs to come are to use it. A proposal of an earlier version is checked with what its model
                then read, a figure that no window has among it.

        Raises:
            ConfigurationError: its mapping does not say where a run finds each feature.
        """
        check_mapping(model.mapping, model.digest, to_come=to_come)
        self._model = model
        self.digest = model.digest
        self.named = f"churn model {model.digest[:16]}, trained {model.card.trained_on} on " + counted(
            model.card.customers, "customer"
        )

    def before_reading(self, customer: CustomerProfile) -> int | None:  # noqa: ARG002 - as the protocol has it
        """Return None: a model also needs what billing has yet to be asked."""
        return None

    def read(self, evidence: Evidence, state: CustomerState | None) -> Likelihood:
        """Score the customer of the evidence.

        Raises:
            UsageError: code `missing_feature`; a feature is not known, or is a value that the model never saw.
        """
        mapping, customer_id = self._model.mapping, evidence.customer.customer_id
        cells = {mapping.customer_id: customer_id, **cells_of(mapping, evidence, state)}
        row = Table("what the run read", "", pl.DataFrame({name: [cell] for name, cell in cells.items()}))
        try:
            score = self._model.score(row, customer_id)
        except UsageError as error:
            raise UsageError(str(error), code=MISSING) from error
        return Likelihood(
            probability_bp=score.probability_bp,
            source="model",
            digest=self.digest,
            named=self.named,
            reasons=score.sentences[1:],
        )


def check_mapping(mapping: Mapping, digest: str, *, to_come: bool = True) -> None:
    """Check that a run finds every feature.

    Raises:
        ConfigurationError: one has no `run`, or for runs to come, one that names a figure that no window has.
    """
    if without := [feature.name for feature in mapping.features if feature.run is None]:
        raise ConfigurationError(
            f"model {digest[:16]}… is not for runs: its mapping does not say where a run finds {', '.join(without)}; "
            "add `run` to each and train again"
        )
    if to_come and (faults := mapping.figure_faults):
        raise ConfigurationError(
            f"model {digest[:16]}… is not for runs: {'; '.join(faults)}; correct its mapping and train again"
        )


def cells_of(mapping: Mapping, evidence: Evidence, state: CustomerState | None) -> Cells[str, str]:
    """Return the row of the customer, by column, as the model's table would have it.

    Raises:
        UsageError: code `missing_feature`; the evidence lacks what is needed.
    """
    cells: dict[str, str] = {}
    missing: list[str] = []
    for feature in mapping.features:
        cell = _cell(feature, evidence, state)
        if cell is None and not feature.may_be_missing:
            missing.append(feature.name.replace("_", " "))
        cells[feature.column] = cell or ""
    if missing:
        raise UsageError(f"what was read does not say {', '.join(missing)}, which the churn model needs", code=MISSING)
    return cells


def _cell(feature: Feature, evidence: Evidence, state: CustomerState | None) -> str | None:
    source = feature.run
    if source is None:
        return None
    found = _found(source, evidence, state)
    return None if found is None else source.cells.get(found, found)


def _found(source: RunSource, evidence: Evidence, state: CustomerState | None) -> str | None:
    kind, _, rest = source.read.partition(".")
    if kind == "state":
        return _happened(rest, state)
    if kind == "products":
        return _held(source, evidence)
    if rest == "tenure_months":
        return str(evidence.customer.tenure_months)
    value = evidence.customer.fact(rest.removeprefix("fact."))
    return None if value is None else str(value)


def _happened(figure: str, state: CustomerState | None) -> str | None:
    """Return a figure of the live state; None where no event is known, which is another thing than that none was."""
    if state is None or state.newest is None:  # what is only said about a customer is no event
        return None
    days, _, name = figure.partition(".")
    return str(state.window(int(days)).figure(name))


def _held(source: RunSource, evidence: Evidence) -> str | None:
    if "products" not in evidence.operations:
        return None
    held = [product for product in evidence.products if product.status.lower() == "active"]
    if source.offerings:
        return "yes" if any(product.offering_id in source.offerings for product in held) else "no"
    return _price(held, source.currency)


def _price(held: list[HeldProduct], currency: str | None) -> str | None:
    """Return what is paid a month; None where that is not known, or not in the currency that the model learned from."""
    prices = [product.monthly_price for product in held if product.monthly_price is not None]
    if currency is None or not prices or len(prices) != len(held) or {one.currency for one in prices} != {currency}:
        return None
    digits = minor_digits(currency)
    return f"{sum(one.amount_minor for one in prices) / 10**digits:.{digits}f}"
