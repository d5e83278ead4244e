"""The `placet` program. Imports stay light: `placet --help` answers at once."""

import os
import sys
from collections.abc import Coroutine, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from placet.entrypoints.environment import CHECKOUT, environment_secret, traces_are_exported
from placet.entrypoints.processes.process import leave

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from placet.contracts.cohorts.base_file import FileKpis, FilePreview
    from placet.contracts.cohorts.economics import Economics
    from placet.contracts.customer import Declared
    from placet.contracts.events.kinds import Channel
    from placet.contracts.strategies.plan import FilePlan, FileStrategyPreview
    from placet.engine.client import Engine
    from placet.entrypoints.propensity import InstalledModels
    from placet.entrypoints.services import InstalledServices
    from placet.entrypoints.settings import Settings
    from placet.governance.retention import Periods
    from placet.storage.database import Database

T = TypeVar("T")

_INTERRUPTED = 130
_SHORTEST_PASSPHRASE = 8


class Tools:
    """The toolbox of `placet.interfaces.cli.toolbox`, built from the settings when first asked."""

    @cached_property
    def settings(self) -> "Settings":
        """The settings in force."""
        from placet.entrypoints.settings import load_settings

        return load_settings()

    @property
    def home(self) -> Path:
        """Folder of keys, databases and logs."""
        return self.settings.home

    @property
    def tenant(self) -> str:
        """Tenant the command acts for."""
        return self.settings.tenant

    @property
    def operator(self) -> str:
        """Who requests runs."""
        return self.settings.operator

    @property
    def installation(self) -> str:
        """Name of this installation."""
        from placet.engine.payload_keys import load_or_create_key

        return load_or_create_key(self.settings.payload_key).installation

    @property
    def temporal_ui(self) -> str:
        """Address of the Temporal web UI, or empty."""
        ui = self.settings.temporal_ui
        return f"{ui}/namespaces/{self.settings.temporal_namespace}" if ui else ""

    @property
    def log_name(self) -> str:
        """Name of this installation in its checkpoints."""
        return self.settings.log_name

    @property
    def log_key_file(self) -> Path:
        """The key that signs checkpoints."""
        return self.settings.log_key

    @property
    def log_heads(self) -> Path:
        """The folder of the heads that were signed last."""
        return self.settings.log_heads

    @property
    def payload_key_file(self) -> Path:
        """The key that encrypts payloads in workflow history."""
        return self.settings.payload_key

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the hosted applications."""
        from agents.catalogue import names

        return names()

    def treatments(self, agent: str) -> tuple[str, ...]:
        """Return the codes of the treatments that an application knows."""
        from agents.catalogue import treatment_codes

        return treatment_codes(agent)

    def treatment_kinds(self, agent: str) -> "Mapping[str, str]":
        """Return the kind of change that each treatment of an application is, by code."""
        from agents.catalogue import treatment_kinds

        return treatment_kinds(agent)

    def facts(self, agent: str) -> "Declared":
        """Return what an application tells customers apart by."""
        from agents.catalogue import declared_facts

        return declared_facts(agent)

    def policy_path(self, agent: str) -> Path:
        """Return the folder or file of the policies in force for the tenant and `agent`."""
        from placet.entrypoints.tenant_files.policies import policy_path

        return policy_path(self.settings.policy_dir, self.tenant, agent)

    def economics(self) -> "Economics | str | None":
        """Return what the tenant says of margin and discount; a text says why it cannot be read."""
        from placet.entrypoints.tenant_files.economics import economics_of

        return economics_of(self.settings.policy_dir, self.tenant)

    def periods(self) -> "Periods":
        """Return how long the tenant's documents and notifications are kept."""
        from placet.entrypoints.tenant_files.retention import periods

        return periods(self.settings, self.tenant)

    @property
    def api_token(self) -> "SecretStr":
        """The installation's own token: the one that is set, else the one that a stack of this folder made."""
        from pydantic import SecretStr

        from placet.files import API_TOKEN_FILE, read_own
        from placet.interfaces.http.guard import checked_token

        token = self.settings.api_token
        if token is None:
            made = (read_own(self.home / API_TOKEN_FILE) or b"").decode("ascii", "replace").strip()
            token = SecretStr(made) if made else None
        return checked_token(token, what="there is nothing to seal links with")

    @property
    def administrators(self) -> Path:
        """The file of pinned administrators in force."""
        return self.settings.administrators

    @property
    def console_origin(self) -> str:
        """Where browsers reach the console: as configured, else at the API's own address.

        On this machine that is a name: browsers have no passkeys at an address of numbers.
        """
        here = self.settings.api_host in ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104
        host = "localhost" if here else self.settings.api_host
        named = f"[{host}]" if ":" in host else host
        return self.settings.console_url or f"http://{named}:{self.settings.api_port}"

    @cached_property
    def _database(self) -> "Database":
        from placet.entrypoints.connection import open_database

        return open_database(self.settings)

    def database(self) -> "Database":
        """Return the database, checked: reachable and migrated."""
        return self._database

    async def engine(self) -> "Engine":
        """Connect to Temporal."""
        from placet.entrypoints.connection import connect

        return await connect(self.settings)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        import asyncio

        return asyncio.run(work)

    @property
    def passphrase_is_given(self) -> bool:
        """Whether the environment gives the key passphrase."""
        return environment_secret("PLACET_KEY_PASSPHRASE") is not None

    def passphrase(self, prompt: str) -> str:
        """Take the key passphrase from PLACET_KEY_PASSPHRASE, or ask at the terminal."""
        import getpass

        from placet.errors import ConfigurationError

        given = environment_secret("PLACET_KEY_PASSPHRASE")
        if given is not None:
            return given.get_secret_value()
        if not sys.stdin.isatty():
            raise ConfigurationError("no terminal to ask for a passphrase; set PLACET_KEY_PASSPHRASE")
        return getpass.getpass(f"{prompt}: ")

    def new_passphrase(self, prompt: str) -> str:
        """Take the key passphrase from PLACET_KEY_PASSPHRASE, or ask twice at the terminal.

        Raises:
            ConfigurationError: it is too short, or the two differ.
        """
        from placet.errors import ConfigurationError

        first = self.passphrase(prompt)
        if len(first) < _SHORTEST_PASSPHRASE:
            raise ConfigurationError(
                f"the passphrase has {len(first)} characters, fewer than {_SHORTEST_PASSPHRASE}; take a longer one"
            )
        if not self.passphrase_is_given and self.passphrase("the same again") != first:
            raise ConfigurationError("the two passphrases differ; nothing was written, try again")
        return first

    @property
    def models(self) -> "InstalledModels":
        """The tenant's churn models."""
        from placet.entrypoints.propensity import InstalledModels

        return InstalledModels(self.settings, self.tenant)

    def preview_of_file(self, path: Path, expression: str) -> "FilePreview":
        """Return whom a cohort has, by a file that a process of its own reads."""
        from placet.entrypoints.processes.base_reading import preview_apart

        return preview_apart(path, self.tenant, expression)

    def kpis_of_file(self, path: Path, expression: str | None) -> "FileKpis":
        """Return the figures of a file's customers, read in a process of its own."""
        from placet.entrypoints.processes.base_reading import kpis_apart

        return kpis_apart(path, self.tenant, expression)

    def strategy_preview_of_file(self, path: Path, text: str) -> "FileStrategyPreview":
        """Return what a strategy would do, by a file that a process of its own reads."""
        from placet.entrypoints.processes.base_reading import strategy_preview_apart

        return strategy_preview_apart(path, self.tenant, text)

    def plan_of_file(self, path: Path, texts: Sequence[str], channel: "Channel") -> "FilePlan":
        """Return what strategies would do together, by a file that a process of its own reads."""
        from placet.entrypoints.processes.base_reading import plan_apart

        return plan_apart(path, self.tenant, texts, channel)

    @property
    def services(self) -> "InstalledServices":
        """What it can start."""
        from placet.entrypoints.services import InstalledServices

        return InstalledServices(self.settings)


def main() -> None:
    """Run the console script, and leave with its exit code."""
    # Whatever this process or its children create (databases, their journals, results) is for its owner alone.
    os.umask(0o077)
    try:
        code = _command(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still importing
        code = _INTERRUPTED
    leave(code)


def _command(arguments: list[str]) -> int:
    from placet._origin import check_origin
    from placet.errors import ConfigurationError
    from placet.interfaces.cli.app import FAILED, run
    from placet.interfaces.cli.output import print_error

    try:
        check_origin(CHECKOUT)
        traced = traces_are_exported()
    except ConfigurationError as error:
        print_error(str(error))
        return FAILED
    return run_traced(arguments) if traced else run(arguments, Tools())


def run_traced(arguments: list[str]) -> int:
    """Run one command as a span of its own; services make their own spans."""
    from placet.entrypoints.observability.telemetry import observed
    from placet.entrypoints.services import SERVICES
    from placet.interfaces.cli.app import command_path, run
    from placet.telemetry import spans

    words = command_path(arguments)
    if not words or words[0] in SERVICES:
        return run(arguments, Tools())
    with observed("cli", quiet=True), spans.span(" ".join(("placet", *words))) as span:
        code = run(arguments, Tools())
        if code:
            spans.fail(span, f"exit_{code}")
        return code
