"""The installation in which strategies are published."""

from tests.integration.outcomes.trial import trial
from tests.support.strategies.published import shop

__all__ = ["shop", "trial"]
