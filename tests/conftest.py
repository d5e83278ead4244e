"""Servers shared by all tests of one pytest worker."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.support.database_fixtures import (
    database,
    database_url,
    empty_url,
    postgres,
    postgres_url,
)
from tests.support.guard import GUARD
from tests.support.programs.command import command
from tests.support.programs.memory import in_memory
from tests.support.steps import steps
from tests.support.temporal import temporal_server
from tests.support.world import Approver, World, world

gc.disable()  # until everything is imported: see pytest_collection_finish

# The terminal may have the settings of a real installation in force (`placet env`), which tests would write to.
# PLACET_TMF_SPECS is no setting: it says where the specifications lie that contract tests read.
for setting in [name for name in os.environ if name.startswith("PLACET_") and name != "PLACET_TMF_SPECS"]:
    del os.environ[setting]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a script's background job we were started deaf to Ctrl-C, and so would be what the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = [
    "command",
    "database",
    "database_url",
    "empty_url",
    "postgres",
    "postgres_url",
    "steps",
]

# No property is about time: beside a busy machine one example takes long, and that says nothing of the code.
settings.register_profile("placet", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("placet")


def pytest_collection_finish() -> None:
    """Keep what was imported out of the garbage collector's way: going through it took a fifth of the suite's CPU."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let the files of tests lie in memory: the first process says where, and those it starts are told."""
    stack = ExitStack()
    where = stack.enter_context(in_memory())
    config.add_cleanup(stack.close)
    if where is not None and not config.option.basetemp:
        config.option.basetemp = str(where / "t")  # pytest's own would be too long a path for sockets below it


_TEMPORAL = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the test processes share one Temporal server: one each, mostly idle, cost a tenth of the suite's CPU."""
    config: pytest.Config = node.config
    if _TEMPORAL not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        home = Path(stack.enter_context(TemporaryDirectory(prefix="placet-temporal-")))
        config.stash[_TEMPORAL], _ = stack.enter_context(temporal_server(home))
    node.workerinput["temporal_address"] = config.stash[_TEMPORAL]


@pytest.fixture(scope="session")
def temporal_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Temporal server on a file database: that of all test processes, or that of the only one."""
    shared: dict[str, str] = getattr(request.config, "workerinput", {})
    if "temporal_address" in shared:
        yield shared["temporal_address"]
        return
    with temporal_server(tmp_path_factory.mktemp("temporal")) as (address, _):
        yield address


@pytest.fixture(scope="session")
def behind() -> Iterator[Callable[[ExitStack], object]]:
    """Close what nobody looks at any more behind the tests: a server waits for 0.2 s of nothing as it stops."""
    with ThreadPoolExecutor(4, thread_name_prefix="behind") as closers:
        closing: list[Future[None]] = []
        yield lambda stack: closing.append(closers.submit(stack.close))
        for one in closing:
            one.result(GUARD)


@pytest.fixture
def bss_url(behind: Callable[[ExitStack], object]) -> Iterator[str]:
    """A sandbox BSS of the test's own."""
    stack = ExitStack()
    yield stack.enter_context(running(SandboxConfig()))
    behind(stack)


@pytest.fixture
def make_world(tmp_path: Path, temporal_address: str, bss_url: str) -> Iterator[Callable[..., World]]:
    """Installations with settings of the test's choice; all are closed at the end."""
    made: list[Any] = []

    def make(**settings: Any) -> World:
        context = world(tmp_path / f"home{len(made)}", temporal_address, bss_url, **settings)
        made.append(context)
        entered: World = context.__enter__()
        return entered

    yield make
    for context in reversed(made):
        context.__exit__(*sys.exc_info())


@pytest.fixture
def a_world(make_world: Callable[..., World]) -> World:
    """One installation with a running worker."""
    return make_world()


@pytest.fixture
def anna(a_world: World) -> Approver:
    """A retention lead who is enrolled in that installation."""
    return a_world.approver("anna")


@pytest.fixture
def run_id(a_world: World) -> str:
    """A run of that installation, which waits for a decision."""
    return a_world.pending("C00005")
