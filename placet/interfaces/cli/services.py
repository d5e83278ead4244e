"""Commands that start something or look at the installation: they hand over to the entry point's services."""

from pathlib import Path
from typing import Annotated

import typer

from placet.errors import UsageError
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

bss = typer.Typer(no_args_is_help=True, help="The sandbox BSS: TM Forum APIs over simulated data.")
PostgresOption = Annotated[
    str | None,
    typer.Option("--postgres", metavar="URL", help="a server to make databases on; default: the embedded one"),
]

bench = typer.Typer(no_args_is_help=True, help="Measurements, each beside a reference. Both are taken in the same run.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, demo, env, migrate, worker, api, doctor, replay, reconcile):
        root.command(command.__name__)(command)
    root.add_typer(bss, name="bss")
    root.add_typer(bench, name="bench")


def up(context: typer.Context) -> int:
    """Run the embedded stack in the foreground until Ctrl-C.

    It has Temporal, the sandbox BSS, the model, a worker, the API and the console.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.up()


def demo(
    context: typer.Context,
    customer: Annotated[str | None, typer.Option("--customer", help="customer id; default: one at risk")] = None,
    journeys: Annotated[
        bool, typer.Option("--journeys", help="the six journeys, on simulated events, instead")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the journeys as JSON")] = False,
) -> int:
    """Show one governed run, from start to proof.

    It runs on an embedded stack of its own. With --journeys: six strategies that
    take customers as something happens to them, from the event to its effect.
    """
    toolbox: Toolbox = context.obj
    if customer is not None and journeys:
        raise UsageError("--journeys chooses its own customers; leave --customer out")
    return toolbox.services.demo(customer=customer, journeys=journeys, as_json=as_json)


def env(context: typer.Context) -> int:
    """Print what a terminal needs to reach this installation.

    Use it as `eval "$(placet env)"`.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.env()


def migrate(context: typer.Context) -> int:
    """Bring the database's schema to what this version needs.

    The embedded database migrates by itself.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.migrate()


def worker(
    context: typer.Context,
    ready_file: Annotated[Path | None, typer.Option("--ready-file", help="written when the worker polls")] = None,
) -> int:
    """Run a worker: workflows and activities."""
    toolbox: Toolbox = context.obj
    return toolbox.services.worker(ready_file=ready_file)


def reconcile(context: typer.Context, as_json: JsonFlag = False) -> int:
    """Find runs whose workflow Temporal ended, and record it.

    Workers do so by themselves.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.reconcile(as_json=as_json)


def api(context: typer.Context) -> int:
    """Serve the HTTP API (needs PLACET_API_TOKEN)."""
    toolbox: Toolbox = context.obj
    return toolbox.services.api()


def doctor(
    context: typer.Context,
    settings: Annotated[bool, typer.Option("--settings", help="list every setting with its value")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Say what is installed, reachable and misconfigured."""
    toolbox: Toolbox = context.obj
    return toolbox.services.doctor(settings_only=settings, as_json=as_json)


def replay(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="RUN|history.json", help="run id, or an exported history")],
    export: Annotated[Path | None, typer.Option("--export", help="also write the run's history here")] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="an approver's .pub file, or NAME=FILE: verify signatures too; repeatable"),
    ] = None,
    mandate: Annotated[
        list[Path] | None, typer.Option("--mandate", help="the signed document of the mandate that cleared it")
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Replay a run's history and derive its digests again.

    The shipped workflow code runs over it once more. It fails when anything differs.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.replay(
        target=target, export=export, keys=key or [], mandates=mandate or [], as_json=as_json
    )


@bss.command("serve")
def bss_serve(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", help="0: any free port")] = 8621,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    database: Annotated[Path | None, typer.Option("--database", help="file; default: <home>/bss.db")] = None,
) -> int:
    """Serve the sandbox BSS."""
    toolbox: Toolbox = context.obj
    return toolbox.services.bss(host=host, port=port, file=database)


@bss.command("customers")
def bss_customers(
    context: typer.Context, limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 20
) -> int:
    """List the sandbox's customers.

    With a BSS of your own, its customer management lists them.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bss_customers(limit=limit)


@bench.command("run")
def bench_run(
    context: typer.Context,
    runs: Annotated[int, typer.Option("--runs", min=10, help="runs of each kind")] = 300,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1)] = 50,
    as_json: JsonFlag = False,
) -> int:
    """Measure a governed run beside a bare Temporal workflow.

    Both run on the same embedded server.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench(runs=runs, in_flight=in_flight, as_json=as_json)


@bench.command("workers")
def bench_workers(
    context: typer.Context,
    runs: Annotated[int, typer.Option("--runs", min=10, help="governed runs of each step")] = 200,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1)] = 50,
    postgres: PostgresOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Measure how runs per second grow with the workers.

    One, two and four of them work on one PostgreSQL database.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_workers(runs=runs, in_flight=in_flight, postgres=postgres, as_json=as_json)


@bench.command("governance")
def bench_governance(
    context: typer.Context,
    only: Annotated[
        str | None,
        typer.Option("--only", help="parts, with commas: policy,envelope,append,proof,checkpoint,gate,growth"),
    ] = None,
    entries: Annotated[int, typer.Option("--entries", min=1000, help="entries of the largest log")] = 10_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="repetitions of each measurement")] = 30,
    postgres: PostgresOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Measure each part of governance beside its raw reference.

    10 million entries take a while and some 20 GB.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_governance(
        only=only, entries=entries, rounds=rounds, postgres=postgres, as_json=as_json
    )


@bench.command("state")
def bench_state(
    context: typer.Context,
    only: Annotated[str | None, typer.Option("--only", help="parts, with commas: growth,ingest,state,requests")] = None,
    events: Annotated[int, typer.Option("--events", min=1_000, help="events stored before")] = 1_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="repetitions of each measurement")] = 10,
    postgres: PostgresOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Measure taking events in, and reading the state of a customer.

    It measures on SQLite and on PostgreSQL, with simulated events.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_state(only=only, events=events, rounds=rounds, postgres=postgres, as_json=as_json)


@bench.command("console")
def bench_console(
    context: typer.Context,
    runs: Annotated[int, typer.Option("--runs", min=100, help="runs in the database; a tenth of them first")] = 50_000,
    pending: Annotated[int, typer.Option("--pending", min=1, help="how many of them wait for a decision")] = 500,
    requests: Annotated[int, typer.Option("--requests", min=5, help="how often each page is asked for")] = 100,
    postgres: PostgresOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Measure pages and the start of a run over many runs.

    It measures on SQLite and on PostgreSQL.
    """
    toolbox: Toolbox = context.obj
    if pending * 10 >= runs:
        raise typer.BadParameter(f"{pending} must be less than a tenth of the runs", param_hint="--pending")
    return toolbox.services.bench_console(
        runs=runs, pending=pending, requests=requests, postgres=postgres, as_json=as_json
    )


@bench.command("cohorts")
def bench_cohorts(
    context: typer.Context,
    rows: Annotated[int, typer.Option("--rows", min=1000, help="customers of the base in memory")] = 4_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="repetitions of each measurement")] = 15,
    as_json: JsonFlag = False,
) -> int:
    """Measure cohorts beside polars written by hand.

    It measures over a base in memory, and on one row.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_cohorts(rows=rows, rounds=rounds, as_json=as_json)


@bench.command("decisions")
def bench_decisions(
    context: typer.Context,
    customers: Annotated[int, typer.Option("--customers", min=1000, help="how many are drawn")] = 1_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="repetitions of each measurement")] = 5,
    as_json: JsonFlag = False,
) -> int:
    """Measure the draw of strategies beside a hashlib loop.

    It draws control group, rollout and arms, and compares every bucket.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_decisions(customers=customers, rounds=rounds, as_json=as_json)


@bench.command("rollout")
def bench_rollout(
    context: typer.Context,
    customers: Annotated[int, typer.Option("--customers", min=20, help="whom the stage treats")] = 10_000,
    runs: Annotated[int, typer.Option("--runs", min=10, help="decided by people, before and after")] = 150,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, help="of those")] = 50,
    as_json: JsonFlag = False,
) -> int:
    """Measure a stage of a rollout beside runs that people decide.

    Each customer gets one governed, cleared run; the BSS's own ledger must agree. 10,000 take a quarter of an hour.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_rollout(customers=customers, runs=runs, in_flight=in_flight, as_json=as_json)


@bench.command("coming")
def bench_coming(
    context: typer.Context,
    customers: Annotated[int, typer.Option("--customers", min=100, help="to whom something happens")] = 2_000,
    as_json: JsonFlag = False,
) -> int:
    """Measure how fast customers come into 50 strategies.

    It counts events from their folding to the wake of the rollouts.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_coming(customers=customers, as_json=as_json)


@bench.command("base")
def bench_base(
    context: typer.Context,
    customers: Annotated[int, typer.Option("--customers", min=1000, help="rows of the file")] = 1_000_000,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="repetitions of each measurement")] = 3,
    as_json: JsonFlag = False,
) -> int:
    """Measure a file of many customers beside polars by hand.

    Cohorts and KPIs are asked of a file of simulated customers, which is removed afterwards.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_base(customers=customers, rounds=rounds, as_json=as_json)


@bench.command("outcomes")
def bench_outcomes(
    context: typer.Context,
    members: Annotated[int, typer.Option("--members", min=500, help="members of the rollout")] = 100_000,
    as_json: JsonFlag = False,
) -> int:
    """Measure outcomes of a rollout beside a plain loop.

    Simulated members are counted once, reported, and looked at. The database is removed afterwards.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.bench_outcomes(members=members, as_json=as_json)
