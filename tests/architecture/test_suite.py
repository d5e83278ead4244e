"""The suite itself: tests that share something dear run on one worker."""

import os

import pytest


@pytest.mark.xdist_group("kept_together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process")
def test_groups_are_kept_together(request: pytest.FixtureRequest) -> None:
    """With a pytest whose ids it does not know, pytest-xdist ignores groups without a word."""
    assert request.node.nodeid.endswith("@kept_together")
