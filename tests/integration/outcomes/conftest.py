"""The installation in which strategies are published."""

from tests.integration.outcomes.trial import month_before, trial
from tests.support.strategies.published import shop

__all__ = ["month_before", "shop", "trial"]
