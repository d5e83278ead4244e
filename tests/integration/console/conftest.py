"""One installation with a console, and one browser, which the tests of a module share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from placet.interfaces.console.parts import Diagnosed
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.support.browser import chromium
from tests.support.servers.console import ConsoleUnderTest, console_of
from tests.support.world import world

FOUND = (Diagnosed("ok", "python", "3.11"), Diagnosed("problem", "BSS", "no answer", "start it"))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, temporal_address: str) -> Iterator[ConsoleUnderTest]:
    home = tmp_path_factory.mktemp("console")
    with (
        running(SandboxConfig()) as bss,
        world(home, temporal_address, bss) as made,
        console_of(made, lambda: FOUND) as served,
    ):
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started
