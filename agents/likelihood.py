"""Where the probability that a customer leaves comes from: a trained model, or the counts that are fallen back to."""

from typing import Final, Protocol

from placet.contracts.billing import Evidence
from placet.contracts.customer import CustomerProfile
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.state import CustomerState

MISSING: Final = "missing_feature"
"""Code of the error for a customer of whom a run does not know what is needed."""


class LikelihoodSource(Protocol):
    """What a tenant's runs take the probability from.

    Attributes:
        digest: Names it in the basis of every proposal made with it.
        named: What it is, in words.
    """

    @property
    def digest(self) -> str: ...  # noqa: D102  described above

    @property
    def named(self) -> str: ...  # noqa: D102

    def before_reading(self, customer: CustomerProfile) -> int | None:
        """Return the probability in basis points from the profile alone; None where more has to be read."""
        ...

    def read(self, evidence: Evidence, state: CustomerState | None) -> Likelihood:
        """Return the probability from what a run read.

        Raises:
            UsageError: code `missing_feature`; what was read does not say what is needed.
        """
        ...
