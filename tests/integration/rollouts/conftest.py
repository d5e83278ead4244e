"""The installation in which strategies are published, and a crowd that has recharged."""

from tests.support.strategies.published import shop
from tests.support.strategies.rolling import crowded

__all__ = ["crowded", "shop"]
