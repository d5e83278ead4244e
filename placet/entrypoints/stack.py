"""The embedded stack: Temporal, the sandbox BSS, the local model and a worker, as child processes on loopback."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

import httpx

from placet.entrypoints.process import Child, answers, await_condition, free_port
from placet.entrypoints.settings import Settings, load_settings
from placet.errors import ConfigurationError
from placet.interfaces.engine import SEARCH_ATTRIBUTES

# Deadlines in seconds; measured starts are 1 s for Temporal, BSS and model, 6 s for a worker (litellm's import).
_START_SECONDS = 60.0


def temporal_command(port: int, ui_port: int, database: Path) -> list[str]:
    """The embedded Temporal server, durable and tuned for few cores (measured: design of the embedded stack)."""
    binary = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if binary is None:
        raise ConfigurationError("the temporal server is not installed; run `make install`")
    attributes = [part for name in SEARCH_ATTRIBUTES for part in ("--search-attribute", f"{name}=Keyword")]
    return [
        *(binary, "server", "start-dev", "--ip", "127.0.0.1", "--log-level", "error"),
        *("--port", str(port), "--ui-port", str(ui_port), "--db-filename", str(database)),
        *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"),
        # The default polls 20 times a second, so that every hop would wait 50 ms.
        *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"),
        *attributes,
    ]


def placet_command(*arguments: str) -> list[str]:
    """This very program, as a child."""
    return [sys.executable, "-m", "placet.entrypoints.main", *arguments]


class Stack:
    """Starts the parts together, waits until each answers, stops all of them on exit, whatever happened."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home.resolve()
        self._children: list[Child] = []
        self.temporal_port = free_port(7233)
        self.ui_port = free_port(8233)
        self.bss_port = free_port(8621)
        self.model_port = free_port(8622)
        self._tenant = settings.tenant

    def __enter__(self) -> Self:
        """Start everything; on failure stop what had started."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()

    @property
    def addresses(self) -> dict[str, str]:
        """Settings that reach this stack."""
        return {
            "temporal_address": f"127.0.0.1:{self.temporal_port}",
            "temporal_ui": f"http://127.0.0.1:{self.ui_port}",
            "bss_url": f"http://127.0.0.1:{self.bss_port}",
            "model_url": f"http://127.0.0.1:{self.model_port}/v1",
        }

    def settings(self) -> Settings:
        """Settings of a client of this stack."""
        return load_settings(home=self._home)

    def check(self) -> None:
        """Raise when a part has ended by itself."""
        for child in self._children:
            child.check()

    def start_worker(self) -> Child:
        """Start a worker (one more, or again after one was killed); returns when it polls."""
        ready = self._home / "run" / f"worker-{secrets.token_hex(4)}.ready"
        ready.parent.mkdir(parents=True, exist_ok=True)
        child = self._spawn("worker", placet_command("worker", "--ready-file", str(ready)))
        self._await(ready.exists, "the worker's first poll")
        return child

    def stop(self) -> None:
        """Stop all parts: the worker first, so that it can finish what it holds."""
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        (self._home / "stack.json").unlink(missing_ok=True)

    def _start(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        temporal = temporal_command(self.temporal_port, self.ui_port, self._home / "temporal.db")
        self._spawn("temporal", temporal)
        bss = ("bss", "serve", "--port", str(self.bss_port), "--database", str(self._home / "bss.db"))
        self._spawn("bss", placet_command(*bss))
        self._spawn("model", placet_command("model", "serve", "--port", str(self.model_port)))
        (self._home / "stack.json").write_text(json.dumps({"pid": os.getpid(), **self.addresses}))
        # The worker's imports take seconds: it starts at once and waits for Temporal itself.
        self.start_worker()
        self._await(lambda: answers(self.bss_port), "the sandbox BSS answering")
        self._await(self._model_ready, "the model server answering")

    def _spawn(self, name: str, command: list[str]) -> Child:
        child = Child(name, command, self._home / "logs" / f"{name}.log", {"PLACET_HOME": str(self._home)})
        self._children.append(child)
        return child

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            self.check()
            return condition()

        await_condition(holds, seconds=_START_SECONDS, what=what)

    def _model_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.model_port}/v1/models", timeout=1).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False
