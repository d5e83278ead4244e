"""The embedded stack, as child processes: Temporal, the sandbox BSS, the local model, a worker, API and console."""

import fcntl
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

import httpx

from placet.engine.client import SEARCH_ATTRIBUTES
from placet.entrypoints.processes.process import Child, answers, free_port
from placet.entrypoints.processes.process_group import ProcessGroup
from placet.entrypoints.settings import Settings, load_settings
from placet.errors import ConfigurationError
from placet.files import (
    API_TOKEN_FILE,
    LISTENER_TOKEN_FILE,
    cause,
    open_own,
    private_folder,
    read_own,
    write_file,
    write_once,
)
from placet.network.client import plain_client
from placet.plugin_api.allowlist import Allowlist


def temporal_command(port: int, ui_port: int, database: Path) -> list[str]:
    """Return the command for the embedded Temporal server, durable and tuned for few cores.

    The options were measured on the embedded stack.
    """
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
    """Return the command that starts this very program as a child."""
    return [sys.executable, "-P", "-m", "placet.entrypoints.program", *arguments]


_PORT_FILE: Final = "console.port"
_PORTS_END: Final = 65_536


class Stack(ProcessGroup):
    """The embedded parts in one home folder; a second stack in the same folder is refused.

    Args:
        settings: Where it lives, and what its parts are told.
        isolated: Use nothing of an operator's own installation: settings other than the folder are the defaults, and
            the environment's are taken away from the parts. What runs by itself, as the demo does, must not reach a
            real BSS.
        on_start: Called once it is sure that this stack is the only one here, before its parts start.
        usual_ports: Take the ports that people know where they are free; else any free ones, which meet nobody's.
        console: Serve the API and the console as well.
        policies: The tenants' policies, where they are not those that the settings name.

    Attributes:
        moved_from: The console's port of before, where it is taken now: passkeys registered there do not work here.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        isolated: bool = False,
        usual_ports: bool = True,
        console: bool = True,
        policies: Path | None = None,
        on_start: Callable[[], object] = lambda: None,
    ) -> None:
        self._home = settings.home.resolve()
        self._isolated, self._usual_ports, self._console = isolated, usual_ports, console
        self._api_token = None if isolated else settings.api_token
        self._console_url = "" if isolated else settings.console_url
        elsewhere = {"bss_url", "billing_url", "commerce_url", "hub_url", "listener_url", "listener_token"}
        # An operator's own BSS is not asked to send events to this machine: whoever wants that says where to.
        self._listens = console and (isolated or (not elsewhere & settings.model_fields_set and _names_a_hub(settings)))
        self._on_start, self._policies = on_start, policies
        self._lock: IO[str] | None = None
        self._reserved: list[IO[str]] = []
        self.temporal_port = self._port(7233)
        self.ui_port = self._port(8233)
        self.bss_port = self._port(8621)
        self.model_port = self._port(8622)
        before = _port_before(self._home) if usual_ports else None
        wanted = settings.api_port if before is None or "api_port" in settings.model_fields_set else before
        self.api_port = self._port(wanted or free_port()) if console else 0
        # Whoever asks for another port knows that they leave the one of before.
        self.moved_from = before if console and before == wanted != self.api_port else None
        foreign = {name: None for name in os.environ if name.startswith("PLACET_")} if isolated else {}
        self._churn_sources = self._churn_sources_of(settings)
        # An address of an earlier stack, or of another one, may still be in this terminal: its worker would leave
        # every run of this stack waiting.
        own = {
            "PLACET_HOME": str(self._home),
            "PLACET_TEMPORAL_ADDRESS": self.addresses["temporal_address"],
            "PLACET_CHURN_SOURCES": json.dumps(self._churn_sources),
            **({} if policies is None else {"PLACET_POLICY_DIR": str(policies.resolve())}),
        }
        super().__init__(
            self._home / "logs",
            {**foreign, **own},
            log_bytes=round(settings.log_file_megabytes * 1_000_000),
            log_files=settings.log_files,
        )

    @property
    def addresses(self) -> dict[str, str]:
        """Settings that reach this stack."""
        return {
            "temporal_address": f"127.0.0.1:{self.temporal_port}",
            "temporal_ui": f"http://127.0.0.1:{self.ui_port}",
            "bss_url": f"http://127.0.0.1:{self.bss_port}",
            "model_url": f"http://127.0.0.1:{self.model_port}/v1",
        }

    def _churn_sources_of(self, settings: Settings) -> Mapping[str, str]:
        """Return where runs take the probability of leaving from.

        The bundled billing system serves the customers of the public sample, and the counts are of the same sample. Who
        names their own billing system falls back to nothing that they did not ask for.
        """
        if not self._isolated and (settings.churn_sources or {"bss_url", "billing_url"} & settings.model_fields_set):
            return settings.churn_sources
        return dict.fromkeys(("demo",) if self._isolated else settings.tenants, "counts")

    @property
    def console_address(self) -> str:
        """Where browsers reach the console: through a proxy, or on this machine by name, as passkeys need one."""
        if self._console_url:
            return f"{self._console_url}/console"
        return f"http://localhost:{self.api_port}/console"

    def environment_of(self, name: str) -> Mapping[str, str | None]:
        """Return the environment of a part. Only the API gets its token and its address, which is on this machine.

        API and worker get what lets the stack's own BSS send its events.
        """
        told = super().environment_of(name)
        if name not in ("api", "worker"):
            return told
        listener = self._listener()
        if name == "worker":
            return {**told, **listener}
        token = self._api_token.get_secret_value() if self._api_token else own_token(self._home, API_TOKEN_FILE)
        api = {"PLACET_API_TOKEN": token, "PLACET_API_HOST": "127.0.0.1", "PLACET_API_PORT": str(self.api_port)}
        return {**told, **api, **listener, "PLACET_CONSOLE_URL": self._console_url or None}

    def _listener(self) -> Mapping[str, str]:
        """Return where this stack's own BSS sends its events; nothing where another BSS is asked, or told already."""
        if not self._listens:
            return {}
        token = own_token(self._home, LISTENER_TOKEN_FILE)
        return {"PLACET_LISTENER_URL": f"http://127.0.0.1:{self.api_port}", "PLACET_LISTENER_TOKEN": token}

    def settings(self) -> Settings:
        """Return the settings of a client of this stack."""
        reached = load_settings(home=self._home)
        if not self._isolated:
            own = {name: self.addresses[name] for name in ("temporal_address", "temporal_ui")}
            return reached.model_copy(update=own)
        defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
        placed = {"home": self._home, "policy_dir": self._policies}
        return reached.model_copy(update={**defaults, **placed, **self.addresses})

    def start_worker(self) -> Child:
        """Start a worker (one more, or again after one was killed); returns when it polls."""
        ready = self._home / "run" / f"worker-{secrets.token_hex(4)}.ready"
        private_folder(ready.parent)
        child = self.spawn("worker", placet_command("worker", "--ready-file", str(ready)))
        self.await_part(ready.exists, "the worker's first poll")
        return child

    def stop(self) -> None:
        """Stop all parts: the worker first, so that it can finish what it holds."""
        super().stop()
        while self._reserved:
            self._reserved.pop().close()
        if self._lock is not None:
            (self._home / "stack.json").unlink(missing_ok=True)
            for ready in (self._home / "run").glob("worker-*.ready"):
                ready.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def start(self) -> None:
        """Start all parts.

        Raises:
            ConfigurationError: a part does not start, or a stack runs in this folder already.
        """
        private_folder(self._home)
        self._lock = self._only_one()
        self._on_start()
        temporal = temporal_command(self.temporal_port, self.ui_port, self._home / "temporal.db")
        self.spawn("temporal", temporal)
        bss = ("bss", "serve", "--port", str(self.bss_port), "--database", str(self._home / "bss.db"))
        self.spawn("bss", placet_command(*bss))
        self.spawn("model", placet_command("model", "serve", "--port", str(self.model_port)))
        port = {"api_port": self.api_port} if self._console else {}
        told = {"pid": os.getpid(), **self.addresses, **port, "churn_sources": dict(self._churn_sources)}
        write_file(self._home / "stack.json", json.dumps(told))
        if self._console:
            self.spawn("api", placet_command("api"))
        # The worker's imports take seconds: it starts at once and waits for Temporal itself.
        self.start_worker()
        self.await_part(lambda: answers(self.bss_port), "the sandbox BSS answering")
        self.await_part(self._model_ready, "the model server answering")
        if self._console:
            self.await_part(lambda: answers(self.api_port), "the API answering")
            if self.moved_from is None and self._usual_ports:
                write_file(self._home / _PORT_FILE, f"{self.api_port}\n")

    def _only_one(self) -> IO[str]:
        lock = _locked(self._home / "stack.lock")
        if lock is None:
            raise ConfigurationError(
                f"a stack is running in {str(self._home)!r}; use it, stop it, or set PLACET_HOME to another folder"
            )
        return lock

    def _port(self, usual: int) -> int:
        """Return the usual port, unless something or another stack that is just starting has it."""
        if not self._usual_ports:
            return free_port()
        try:
            lock = _locked(Path(tempfile.gettempdir()) / f"placet-{os.getuid()}-port-{usual}.lock")
        except ConfigurationError:
            lock = None  # somebody put something else there: the file serves to avoid a collision, no more
        if lock is None:
            return free_port()
        self._reserved.append(lock)
        return free_port(usual)

    def _model_ready(self) -> bool:
        try:
            with plain_client(1) as client:
                return client.get(f"http://127.0.0.1:{self.model_port}/v1/models").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def _names_a_hub(settings: Settings) -> bool:
    """Return whether the allowlist lets a worker ask for events: an operator's own may be older than the hub."""
    return "hub" in Allowlist.load(settings.allowlist).names


def own_token(home: Path, name: str) -> str:
    """Return a token of this installation, made once. It names nobody, and signs nobody in."""
    path = home / name
    try:
        write_once(path, secrets.token_urlsafe(32))
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(path)!r}: {cause(error)}") from error
    return (read_own(path) or b"").decode("ascii", "replace").strip()


def _port_before(home: Path) -> int | None:
    """Return where this installation's console was before: on this machine, passkeys are bound to its port too."""
    try:
        port = int(read_own(home / _PORT_FILE) or b"")
    except (ValueError, OSError, ConfigurationError):
        return None
    return port if 0 < port < _PORTS_END else None


def _locked(path: Path) -> IO[str] | None:
    """Return the file, locked for this process until it is closed; None when another process has it."""
    file = os.fdopen(open_own(path, os.O_RDWR), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
