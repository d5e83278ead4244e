"""An installation whose policy permits the agent to commit small credits, and who may sign mandates in it."""

from collections.abc import Callable

import pytest

from tests.security.gate.mandates.mandating import (
    head,
    permitting,
)
from tests.support.world import Approver, World


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """An installation whose policy permits the agent to commit small credits, within a mandate."""
    return permitting(make_world())


@pytest.fixture
def hanna(world: World) -> Approver:
    return head(world)
