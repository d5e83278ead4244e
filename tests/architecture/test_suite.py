"""The suite itself: tests that share something dear run on one worker."""

import os

import pytest


def test_no_setting_of_the_terminal_reaches_a_test() -> None:
    """After `eval "$(placet env)"` a terminal names a real installation: no test may write to its home."""
    assert [name for name in os.environ if name.startswith("PLACET_") and name != "PLACET_TMF_SPECS"] == []


@pytest.mark.xdist_group("kept_together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process")
def test_groups_are_kept_together(request: pytest.FixtureRequest) -> None:
    """With a pytest whose ids it does not know, pytest-xdist ignores groups without a word."""
    assert request.node.nodeid.endswith("@kept_together")
