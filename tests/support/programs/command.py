"""The command line in this process, pointed at a world that a test holds."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from placet.engine.client import Engine
from placet.entrypoints.connection import connect
from placet.entrypoints.main import Tools
from placet.interfaces.cli.app import run
from tests.support.world import PASSPHRASE, World


@dataclass
class Ran:
    """What a command returned and printed."""

    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one line of a command that was refused."""
        assert (self.code, self.out) == (1, "")
        (line,) = self.err.splitlines()
        return line


class WorldTools(Tools):
    """The command line's own tools, pointed at a world and at the queue its worker serves."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.settings = world.settings

    async def engine(self) -> Engine:
        """A connection of this command's own."""
        engine = await connect(self.settings)
        engine.task_queue, engine.is_ours = self._world.engine.task_queue, True
        return engine


Command = Callable[..., Ran]


@pytest.fixture
def command(a_world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run one command in this process; keys are opened with the tests' passphrase."""
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", PASSPHRASE)

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        tools = WorldTools(a_world)
        code = run(arguments, tools)
        if "_database" in vars(tools):
            tools.database().close()
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return ran
