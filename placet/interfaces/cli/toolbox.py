"""What the command line is given by its entry point: connections on demand, and the services it can start."""

from collections.abc import Coroutine, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from placet.contracts.cohorts.base_file import FileKpis, FilePreview
    from placet.contracts.cohorts.economics import Economics
    from placet.contracts.customer import Declared
    from placet.contracts.events.kinds import Channel
    from placet.contracts.propensity.card import ModelCard
    from placet.contracts.propensity.held import HeldModels, ShownModel
    from placet.contracts.propensity.score import Drift, Score, ScoredTable
    from placet.contracts.strategies.plan import FilePlan, FileStrategyPreview
    from placet.engine.client import Engine
    from placet.governance.retention import Periods
    from placet.storage.database import Database

T = TypeVar("T")


class Services(Protocol):
    """What a command can start, or have the installation asked. Each returns its exit code."""

    def up(self) -> int:
        """Keep the embedded stack running in the foreground."""

    def demo(self, customer: str | None, *, journeys: bool, as_json: bool) -> int:
        """Narrate one governed run, or the six journeys."""

    def env(self) -> int:
        """Print what another terminal needs to reach this installation, for `eval`; no secret is among it."""

    def migrate(self) -> int:
        """Bring the database's schema to what this version needs."""

    def worker(self, ready_file: Path | None) -> int:
        """Run a worker process."""

    def api(self) -> int:
        """Serve the HTTP API."""

    def bss(self, host: str, port: int, file: Path | None) -> int:
        """Serve the sandbox BSS."""

    def bss_customers(self, limit: int) -> int:
        """List the customers of the bundled sample."""

    def model(self, host: str, port: int) -> int:
        """Serve the embedded model."""

    def doctor(self, settings_only: bool, as_json: bool) -> int:
        """Show what is installed, reachable and misconfigured."""

    def replay(self, target: str, export: Path | None, keys: list[Path], mandates: list[Path], as_json: bool) -> int:
        """Show an auditor's verdict on one run."""

    def reconcile(self, as_json: bool) -> int:
        """Look once at all runs that are not over, and put on the record what Temporal ended."""

    def bench(self, runs: int, in_flight: int, as_json: bool) -> int:
        """Measure governed and bare runs side by side."""

    def bench_workers(self, runs: int, in_flight: int, postgres: str | None, as_json: bool) -> int:
        """Measure runs per second with more and more workers."""

    def bench_console(self, runs: int, pending: int, requests: int, postgres: str | None, as_json: bool) -> int:
        """Measure the console with many runs in the database."""

    def bench_governance(self, only: str | None, entries: int, rounds: int, postgres: str | None, as_json: bool) -> int:
        """Measure what each part of governance costs."""

    def bench_cohorts(self, rows: int, rounds: int, as_json: bool) -> int:
        """Measure cohorts over a base in memory, and on one row."""

    def bench_coming(self, customers: int, as_json: bool) -> int:
        """Measure how fast customers come into strategies as something happens to them."""

    def bench_decisions(self, customers: int, rounds: int, as_json: bool) -> int:
        """Measure how fast customers are drawn for strategies."""

    def bench_rollout(self, customers: int, runs: int, in_flight: int, as_json: bool) -> int:
        """Measure a stage of many cleared customers."""

    def bench_base(self, customers: int, rounds: int, as_json: bool) -> int:
        """Measure cohorts and KPIs over a file of many customers."""

    def bench_outcomes(self, members: int, as_json: bool) -> int:
        """Measure what outcomes of a rollout's members cost."""

    def bench_state(self, only: str | None, events: int, rounds: int, postgres: str | None, as_json: bool) -> int:
        """Measure what events and the state of a customer cost."""


class Models(Protocol):
    """The tenant's churn models. `model` is a digest, or how one begins; None is the one that was trained last.

    Raises:
        UsageError: a table lacks a column or the customer, or says nothing.
        ConfigurationError: there is no such model, it was changed, or a file cannot be read.
    """

    @property
    def runs_use(self) -> str:
        """Where runs take the probability of leaving from, in words. Nothing is read."""

    def train(self, table: Path | None, mapping: Path | None, on: date) -> "tuple[str, Path, ModelCard]":
        """Train a model and make it the current one; returns its digest, its file and its card."""

    def held(self) -> "HeldModels":
        """List the models that are held."""

    def shown(self, model: str | None) -> "ShownModel":
        """Return a model's card."""

    def score(self, model: str | None, table: Path | None, customer_id: str) -> "Score":
        """Score one customer of a table."""

    def score_all(self, model: str | None, table: Path | None) -> "ScoredTable":
        """Score all customers of a table."""

    def drift(self, model: str | None, table: Path) -> "Drift":
        """Lay a table beside the one that the model learned from."""


class Toolbox(Protocol):
    """Everything a command may use. Each member is created when first asked for, so that `--help` stays quick."""

    @property
    def home(self) -> Path:
        """Folder of keys, databases and logs."""

    @property
    def tenant(self) -> str:
        """Tenant the command acts for."""

    @property
    def operator(self) -> str:
        """Who requests runs."""

    @property
    def installation(self) -> str:
        """Name of this installation, derived from its payload key; part of its task queue."""

    @property
    def temporal_ui(self) -> str:
        """Address of the Temporal web UI, or empty."""

    @property
    def log_name(self) -> str:
        """Name of this installation in its checkpoints."""

    @property
    def log_key_file(self) -> Path:
        """The key that signs checkpoints; its public half lies beside it."""

    @property
    def log_heads(self) -> Path:
        """The folder of the heads that were signed last."""

    @property
    def payload_key_file(self) -> Path:
        """The key that encrypts payloads in workflow history."""

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the hosted applications."""

    def treatments(self, agent: str) -> tuple[str, ...]:
        """Return the codes of the treatments that an application knows."""

    def treatment_kinds(self, agent: str) -> "Mapping[str, str]":
        """Return the kind of change that each treatment of an application is, by code."""

    def facts(self, agent: str) -> "Declared":
        """Return what an application tells customers apart by."""

    def policy_path(self, agent: str) -> Path:
        """Return the folder or file of the policies in force for the tenant and `agent`."""

    def economics(self) -> "Economics | str | None":
        """Return what the tenant says of margin and discount; a text says why it cannot be read."""

    def periods(self) -> "Periods":
        """Return how long the tenant's documents and notifications are kept."""

    @property
    def api_token(self) -> "SecretStr":
        """The installation's own token, which seals links to walkthroughs.

        Raises:
            ConfigurationError: none is set, and no stack of this folder made one.
        """

    @property
    def administrators(self) -> Path:
        """The file of pinned administrators."""

    @property
    def console_origin(self) -> str:
        """Where browsers reach the console, without its path."""

    def database(self) -> "Database":
        """Return the database, checked: reachable and migrated."""

    async def engine(self) -> "Engine":
        """Connect to Temporal."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""

    @property
    def passphrase_is_given(self) -> bool:
        """Whether the environment gives the key passphrase, so that nobody is asked for it."""

    def passphrase(self, prompt: str) -> str:
        """Take the key passphrase from PLACET_KEY_PASSPHRASE, or ask the person at the terminal."""

    def new_passphrase(self, prompt: str) -> str:
        """Take a passphrase that something is sealed with; asked at the terminal, it is asked for twice."""

    @property
    def models(self) -> Models:
        """The tenant's churn models."""

    def preview_of_file(self, path: Path, expression: str) -> "FilePreview":
        """Return whom a cohort has, by a file of the base.

        Raises:
            ConfigurationError: it cannot be opened, is a link or no ordinary file.
            UsageError: code `base_file`; it cannot be read, or is none that this version and tenant may ask.
        """

    def kpis_of_file(self, path: Path, expression: str | None) -> "FileKpis":
        """Return the figures of a file's customers, or of a cohort of them; raises as `preview_of_file`."""

    def strategy_preview_of_file(self, path: Path, text: str) -> "FileStrategyPreview":
        """Return what a strategy would do, by a file; raises as `preview_of_file`."""

    def plan_of_file(self, path: Path, texts: Sequence[str], channel: "Channel") -> "FilePlan":
        """Return what strategies would do together, by a file; raises as `preview_of_file`."""

    @property
    def services(self) -> Services:
        """What it can start."""
