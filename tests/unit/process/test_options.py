"""What commands take for granted when an option is left out."""

from types import SimpleNamespace
from typing import Any

import pytest

from placet.errors import UsageError
from placet.interfaces.cli.options import application


def box(*agents: str) -> Any:
    return SimpleNamespace(agents=agents)


def test_the_only_application_need_not_be_named() -> None:
    assert application(box("retention"), None) == "retention"
    assert application(box("retention"), "other") == "other"  # what there is no such one is said further in
    assert application(box("onboarding", "retention"), "onboarding") == "onboarding"


def test_of_several_applications_one_must_be_named() -> None:
    with pytest.raises(UsageError, match="choose one with --agent: onboarding, retention"):
        application(box("onboarding", "retention"), None)
