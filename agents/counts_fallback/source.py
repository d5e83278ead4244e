"""The counts as a source of the probability that a customer leaves."""

from functools import cache
from pathlib import Path

from placet.contracts.billing import Evidence
from placet.contracts.customer import CustomerProfile
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.state import CustomerState
from placet.decisioning.churn import ChurnTable
from placet.governance.signing.canonical import digest as document_digest
from placet.toml_files import load_toml

_HERE = Path(__file__).parent


class CountsSource:
    """Implements `agents.likelihood.LikelihoodSource`."""

    def __init__(self, table: ChurnTable) -> None:
        self._table = table
        self.digest = document_digest(table)
        self.named = f"rates of leaving: {table.source}"

    def before_reading(self, customer: CustomerProfile) -> int | None:
        """Return the rate of customers like this one: the profile is all that the counts need."""
        return self._table.probability_bp(customer)

    def read(self, evidence: Evidence, state: CustomerState | None) -> Likelihood:  # noqa: ARG002 - as the protocol has it
        """Return the rate of customers like this one; where none was observed, that of all."""
        bp = self._table.probability_bp(evidence.customer)
        return Likelihood(probability_bp=bp, source="counts", digest=self.digest, named=self.named)


@cache
def counts() -> CountsSource:
    """Read the counts beside this module.

    Raises:
        ConfigurationError: they are wrong.
    """
    return CountsSource(load_toml(_HERE / "churn_rates.toml", ChurnTable, "the table of churn rates"))
