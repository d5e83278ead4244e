"""What `placet up|demo|migrate|worker|api|bss|model|doctor|replay|reconcile|bench` run."""

import asyncio
import contextlib
import os
import shlex
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Final

from placet.contracts.text import counted, one_line
from placet.entrypoints.settings import Settings, running_stack
from placet.errors import ConfigurationError
from placet.files import private_folder

_TEMPORAL = "PLACET_TEMPORAL_ADDRESS to where Temporal is"
_REPLAYS = "the history replays and every digest holds"


class InstalledServices:
    """The services of an installation with these settings; each returns its exit code."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def up(self) -> int:
        """Keep the embedded stack running in the foreground."""
        from placet.engine.payload_keys import load_or_create_key
        from placet.entrypoints.processes.interruption import terminate_as_interrupt, uninterrupted
        from placet.entrypoints.processes.stack import Stack
        from placet.entrypoints.processes.supervisor import supervise

        stop, ready = threading.Event(), False
        terminate_as_interrupt()
        signal.signal(signal.SIGINT, _stop_now)
        starting = "starting Temporal, the sandbox BSS, the model, a worker and the console …"
        try:
            with (
                Stack(self._settings, on_start=lambda: print(starting, flush=True)) as stack,
                uninterrupted() as interruption,
            ):
                interruption.tell(stop.set)  # a part that is just being started again is known before everything stops
                print(f"  {'console':<17} {stack.console_address}")
                print(f"  {_way_in(self._settings, stack.console_address)}")
                if stack.moved_from is not None and not self._settings.console_url:
                    print(
                        f"  note              port {stack.moved_from}, where the console was before, is taken: "
                        "passkeys registered there work again once it is free; stop what has it, and start anew"
                    )
                for name, address in stack.addresses.items():
                    print(f"  {name:<17} {address}")
                print(f"  logs              {self._settings.home / 'logs'}")
                print(f"  installation      {load_or_create_key(self._settings.payload_key).installation}")
                print("ready; Ctrl-C stops everything", flush=True)
                ready = True
                supervise(stack, stop, lambda line: print(line, flush=True))
        except KeyboardInterrupt:
            print("stopped", flush=True)
            if not ready:
                raise
        return 0

    def demo(self, customer: str | None, *, journeys: bool, as_json: bool) -> int:
        """Narrate one governed run, or the six journeys."""
        from placet.demo import run_demo, run_journeys

        if journeys:
            return run_journeys(self._settings, as_json=as_json)
        return run_demo(self._settings, customer)

    def env(self) -> int:
        """Print what another terminal needs to reach this installation, for `eval`; no secret is among it."""
        from placet.interfaces.cli.output import print_notice

        # What runs here now comes before what this terminal was told of an earlier one.
        running = running_stack(self._settings.home)
        values = {
            "PLACET_HOME": str(self._settings.home.resolve()),
            "PLACET_TEMPORAL_ADDRESS": running.get("temporal_address", self._settings.temporal_address),
            "PLACET_TEMPORAL_NAMESPACE": self._settings.temporal_namespace,
        }
        if self._settings.console_url:
            values["PLACET_CONSOLE_URL"] = self._settings.console_url
        for name, value in values.items():
            print(f"export {name}={shlex.quote(value)}")
        if not running and "temporal_address" not in self._settings.model_fields_set:
            sys.stdout.flush()  # what is for `eval` comes first
            print_notice(
                f"no stack runs in {str(self._settings.home)!r}: start it with `placet up`, or set {_TEMPORAL}"
            )
        return 0

    def migrate(self) -> int:
        """Bring the database's schema to what this version needs."""
        from placet.storage.database import Database

        private_folder(self._settings.home)
        with Database(self._settings.database) as database:
            database.migrate()
            print(f"database {database.name} is at schema revision {database.revision()}")
        return 0

    def worker(self, ready_file: Path | None) -> int:
        """Run a worker process."""
        from placet.entrypoints.observability.telemetry import observed
        from placet.entrypoints.worker import serve

        with observed("worker"):
            asyncio.run(serve(self._settings, ready_file))
        return 0

    def api(self) -> int:
        """Serve the HTTP API."""
        from placet.entrypoints.api import serve
        from placet.entrypoints.observability.telemetry import observed

        with observed("api"):
            serve(self._settings)
        return 0

    def bss(self, host: str, port: int, file: Path | None) -> int:
        """Serve the sandbox BSS."""
        from placet.sandbox.config import SandboxConfig
        from placet.sandbox.errors import SandboxError
        from placet.sandbox.server import serve

        if file is None:
            private_folder(self._settings.home)
        config = SandboxConfig(
            host=host, port=port, database=file or self._settings.home / "bss.db", token=self._settings.bss_token
        )
        try:
            serve(config, on_ready=lambda url: print(f"sandbox BSS ready at {url}", flush=True))
        except SandboxError as error:
            raise ConfigurationError(str(error)) from error
        return 0

    def bss_customers(self, limit: int) -> int:
        """List the customers of the bundled sample."""
        import csv
        from importlib import resources

        from placet.interfaces.cli import output

        sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
        with sample.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows[:limit]:
            held = f"{counted(int(row['tenure']), 'month')}, {row['contract']}, internet {row['internet_service']}"
            output.print_line(f"{row['customer_id']}  {held}")
        if len(rows) > limit:
            output.print_notice(f"showing {limit} of {len(rows)}; more with --limit")
        if not running_stack(self._settings.home) and not {"bss_url", "billing_url"} & self._settings.model_fields_set:
            said = (
                "these are the customers of the bundled sample, and no sandbox BSS runs here that would answer for them"
            )
            output.print_notice(f"{said}: start it with `placet up`")
        return 0

    def model(self, host: str, port: int) -> int:
        """Serve the embedded model."""
        from placet.entrypoints.model_server import serve

        serve(host, port)
        return 0

    def doctor(self, settings_only: bool, as_json: bool) -> int:
        """Show what is installed, reachable and misconfigured."""
        from placet.doctor.report import Report, setting_lines, show

        if settings_only:
            return show(Report(settings=setting_lines(self._settings)), as_json=as_json)
        from placet.doctor.diagnosis import diagnose

        return show(diagnose(self._settings), as_json=as_json)

    def replay(self, target: str, export: Path | None, keys: list[Path], mandates: list[Path], as_json: bool) -> int:
        """Show an auditor's verdict on one run."""
        from placet.interfaces.cli import output
        from placet.replay import replay as judge

        verdict = asyncio.run(judge(self._settings, target, export, keys, mandates))
        if as_json:
            shown = {name: value for name, value in asdict(verdict).items() if name != "first"}
            output.print_json({**shown, "verified": not verdict.faults})
        else:
            output.print_line(f"run        {verdict.run_id}  ({verdict.state}, {counted(verdict.events, 'event')})")
            output.print_line(f"proposal   {verdict.proposal or 'none'}")
            if verdict.mandate is not None:
                output.print_line(f"mandate    {verdict.mandate}")
            for decision in verdict.decisions:
                output.print_line(f"decision   {decision}")
            for line in verdict.signed if not verdict.faults else ():
                output.print_line(f"signed     {one_line(line)}")
            for note in verdict.notes:
                output.print_line(f"note       {note}")
            output.print_line("verdict    " + (_REPLAYS if not verdict.faults else "REFUSED"))
        for fault in verdict.faults:
            output.print_error(fault)
        return 1 if verdict.faults else 0

    def reconcile(self, as_json: bool) -> int:
        """Look once at all runs that are not over, and put on the record what Temporal ended."""
        from placet.entrypoints.beside_worker.reconciler import reconcile_all
        from placet.interfaces.cli import output

        found, young = asyncio.run(reconcile_all(self._settings))
        grace = f"{self._settings.reconcile_grace_seconds:g} s"
        unjudged = f"{counted(young, 'run')} moved within the last {grace}, too young to judge: ask again after that"
        if as_json:
            output.print_json([asdict(one) for one in found])
        else:
            for one in found:
                output.print_line(f"{one.run_id}  {one.found.replace('_', ' '):<13}  {one.detail}")
            if not found:
                older = f" and has not moved for {grace}" if young else ""
                output.print_line(f"every run that is not over{older} has its workflow")
        if young:
            output.print_notice(unjudged)
        return 1 if any(one.found in ("lost", "foreign", "refused") for one in found) else 0

    def bench(self, runs: int, in_flight: int, as_json: bool) -> int:
        """Measure governed and bare runs side by side."""
        from placet.bench import bench_run

        return bench_run(self._settings, runs=runs, in_flight=in_flight, as_json=as_json)

    def bench_workers(self, runs: int, in_flight: int, postgres: str | None, as_json: bool) -> int:
        """Measure runs per second with more and more workers."""
        from placet.bench.workers import bench_workers as run_bench

        return run_bench(self._settings, runs=runs, in_flight=in_flight, postgres=postgres, as_json=as_json)

    def bench_console(self, runs: int, pending: int, requests: int, postgres: str | None, as_json: bool) -> int:
        """Measure the console with many runs in the database."""
        from placet.bench.console import bench_console as run_bench

        return run_bench(
            self._settings, runs=runs, pending=pending, requests=requests, postgres=postgres, as_json=as_json
        )

    def bench_governance(self, only: str | None, entries: int, rounds: int, postgres: str | None, as_json: bool) -> int:
        """Measure what each part of governance costs."""
        from placet.bench.governance import bench_governance as run_bench

        return run_bench(self._settings, only=only, entries=entries, rounds=rounds, postgres=postgres, as_json=as_json)

    def bench_cohorts(self, rows: int, rounds: int, as_json: bool) -> int:
        """Measure cohorts over a base in memory, and on one row."""
        from placet.bench.cohorts import bench_cohorts as run_bench

        return run_bench(rows=rows, rounds=rounds, as_json=as_json)

    def bench_coming(self, customers: int, as_json: bool) -> int:
        """Measure how fast customers come into strategies as something happens to them."""
        from placet.bench.coming import bench_coming

        return bench_coming(customers=customers, as_json=as_json)

    def bench_decisions(self, customers: int, rounds: int, as_json: bool) -> int:
        """Measure how fast customers are drawn for strategies."""
        from placet.bench.strategies.decisions import bench_decisions as run_bench

        return run_bench(customers=customers, rounds=rounds, as_json=as_json)

    def bench_rollout(self, customers: int, runs: int, in_flight: int, as_json: bool) -> int:
        """Measure a stage of many cleared customers."""
        from placet.bench.rollout import bench_rollout as run_bench

        return run_bench(self._settings, customers=customers, runs=runs, in_flight=in_flight, as_json=as_json)

    def bench_base(self, customers: int, rounds: int, as_json: bool) -> int:
        """Measure cohorts and KPIs over a file of many customers."""
        from placet.bench.base import bench_base as run_bench

        return run_bench(customers=customers, rounds=rounds, as_json=as_json)

    def bench_outcomes(self, members: int, as_json: bool) -> int:
        """Measure what outcomes of a rollout's members cost."""
        from placet.bench.outcomes.session import bench_outcomes as run_bench

        return run_bench(members=members, as_json=as_json)

    def bench_state(self, only: str | None, events: int, rounds: int, postgres: str | None, as_json: bool) -> int:
        """Measure what events and the state of a customer cost."""
        from placet.bench.state import bench_state as run_bench

        return run_bench(self._settings, only=only, events=events, rounds=rounds, postgres=postgres, as_json=as_json)


def _way_in(settings: Settings, console: str) -> str:
    """Return how people get into the console: the first of them with a code that holds once."""
    from placet.governance.signing.pins import AdministratorsFile
    from placet.service.documents.first_administrator import SetupCode

    code, file = SetupCode(settings.setup_code, settings.tenant), AdministratorsFile(settings.administrators)
    if file.names_nobody(settings.tenant):
        return f"first administrator: {console}/setup with code {code.issue()}"
    code.close()
    return "                  sign in with your passkey, or with a token (`placet token issue`)"


def _stop_now(*_: object) -> None:
    """Say that everything stops, which takes seconds, and begin with it wherever the start is."""
    with contextlib.suppress(OSError):
        os.write(1, "stopping …\n".encode())  # `print` may be what was interrupted
    raise KeyboardInterrupt


SERVICES: Final = frozenset(name for name in vars(InstalledServices) if not name.startswith("_"))
"""Their names, which are the commands' first words."""
