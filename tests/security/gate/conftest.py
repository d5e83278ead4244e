"""What tests of the gate begin with."""

import pytest

from tests.support.world import World


@pytest.fixture
def run_id(a_world: World) -> str:
    """A run that waits for a decision."""
    return a_world.pending("C00005")
