"""The installation in which strategies are published."""

from tests.support.strategies.published import shop

__all__ = ["shop"]
