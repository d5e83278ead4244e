"""The console under test: the parts that it needs, as child processes, and a browser's requests to it."""

import gzip
import os
import re
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, Self

import httpx

from placet.bench.console.figures import Live, Sample
from placet.bench.governance.sampling import percentile
from placet.bench.processes.parts import Parts
from placet.entrypoints.processes.process import Child, answers, free_port
from placet.entrypoints.processes.stack import placet_command
from placet.errors import PlacetError
from placet.network.client import plain_client

TOKEN: Final = "bench-console-token-of-this-session"  # noqa: S105 - of a server that ends with the bench
_REFERENCE: Final = "/console/sign-in"
_BLOCKS: Final = 5
_SLOWEST: Final = 0.95
_TIMEOUT: Final = 60.0
_POLL_SECONDS: Final = 10.0
"""How often a live page of a run that waits asks: see the console's `pages/run.py`."""

_LIVE_SECONDS: Final = 20.0

Ask = Callable[[int], httpx.Response]
"""Makes the request of a number."""


class ConsoleParts(Parts):
    """Those of `placet bench run`, and API servers over the databases that are measured."""

    def serve(self, database_url: str) -> tuple[str, Child]:
        """Start the API and console over a database; returns where it answers."""
        self._served_port, self._served_url = free_port(), database_url
        child = self.spawn("api", placet_command("api"))
        port = self._served_port
        self.await_part(lambda: answers(port), "the API answering")
        return f"http://127.0.0.1:{port}", child

    def environment_of(self, name: str) -> Mapping[str, str | None]:
        """Return what the API is told; nothing of an operator's own installation."""
        told = super().environment_of(name)
        if name != "api":
            return told
        foreign = {variable: None for variable in os.environ if variable.startswith("PLACET_")}
        return {
            **told,
            **foreign,
            "PLACET_HOME": str(self.place.home),
            "PLACET_DATABASE_URL": self._served_url,
            "PLACET_TEMPORAL_ADDRESS": self.place.temporal,
            "PLACET_API_HOST": "127.0.0.1",
            "PLACET_API_PORT": str(self._served_port),
            "PLACET_API_TOKEN": TOKEN,
        }


class Browser:
    """A browser without a page: it keeps its session's cookie, and follows nothing."""

    def __init__(self, address: str) -> None:
        self._http = plain_client(_TIMEOUT, base_url=address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, token: str) -> None:
        """Begin a session.

        Raises:
            PlacetError: the token is refused.
        """
        form = {"token": token, "next": ""}
        answer = self._http.post("/console/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        if answer.status_code != HTTPStatus.SEE_OTHER:
            raise PlacetError(f"signing in was answered {answer.status_code}")

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page."""
        return self._http.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def order(self, customer_id: str) -> httpx.Response:
        """Ask the API for a run."""
        wanted = {"customer_id": customer_id, "agent": "retention"}
        with_token = {"Authorization": f"Bearer {TOKEN}", "X-Placet-Operator": "olga"}
        return self._http.post("/v1/runs", json=wanted, headers=with_token)


class Visit:
    """Somebody who is signed in, and the process that serves them.

    Args:
        browser: Theirs.
        used: Returns the CPU seconds that the process has used so far.
        database: What its database is called.
        runs: Runs in it.
        requests: How often each thing is asked for.
    """

    def __init__(self, browser: Browser, used: Callable[[], float], *, database: str, runs: int, requests: int) -> None:
        self._browser, self._used = browser, used
        self._database, self._runs, self._requests = database, runs, requests

    def sample(self, name: str, ask: Ask, status: int = HTTPStatus.OK) -> Sample:
        """Ask again and again, in turn with the reference.

        Raises:
            PlacetError: an answer has another status.
        """
        ours: list[float] = []
        reference: list[float] = []
        cpu, size = 0.0, 0
        self._timed(lambda _: self._browser.get(_REFERENCE), [0], HTTPStatus.OK)
        self._timed(ask, [-1], status)
        for numbers in _shares(self._requests):
            reference += self._timed(lambda _: self._browser.get(_REFERENCE), numbers, HTTPStatus.OK)[0]
            before = self._used()
            took, size = self._timed(ask, numbers, status)
            cpu += self._used() - before
            ours += took
        return Sample(
            database=self._database,
            runs=self._runs,
            name=name,
            p50_ms=statistics.median(ours),
            p95_ms=percentile(ours, _SLOWEST),
            cpu_ms=1000 * cpu / len(ours),
            reference_p50_ms=statistics.median(reference),
            reference_p95_ms=percentile(reference, _SLOWEST),
            size=size,
        )

    def live(self, waiting: Sequence[str]) -> Live:
        """Let pages of waiting runs ask whether there is news, as often as open ones do."""
        asks = []
        for run_id in waiting:
            page = self._browser.get(f"/console/runs/{run_id}").text
            found = re.search(r'hx-get="([^"]+)"', page)
            if found is None:
                raise PlacetError(f"the page of {run_id!r} does not follow its run")
            asks.append(found[1].replace("&amp;", "&"))
        pause, before, began = _POLL_SECONDS / len(asks), self._used(), time.monotonic()
        rounds = round(_LIVE_SECONDS / pause)
        for number in range(rounds):
            answer = self._browser.get(asks[number % len(asks)], HX_Request="true")
            if answer.status_code != HTTPStatus.NO_CONTENT:
                raise PlacetError(f"a live page was answered {answer.status_code} where nothing is new")
            threading.Event().wait(max(0.0, began + (number + 1) * pause - time.monotonic()))
        return Live(self._database, self._runs, len(asks), (self._used() - before) / (time.monotonic() - began))

    def first_paint(self, path: str) -> int:
        """Return the bytes of a page and of what it loads."""
        page = self._browser.get(path)
        assets = sorted(set(re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', page.text)))
        # Our client unpacks what it is sent: assets are counted as the server packs them.
        packed = [gzip.compress(self._browser.get(asset).content, 9) for asset in assets]
        return len(page.content) + sum(map(len, packed))

    def _timed(self, ask: Ask, numbers: Sequence[int], status: int) -> tuple[list[float], int]:
        took, size = [], 0
        for number in numbers:
            began = time.perf_counter()
            answer = ask(number)
            took.append(1000 * (time.perf_counter() - began))
            if answer.status_code != status:
                raise PlacetError(f"{answer.request.url.path} was answered {answer.status_code}, not {status}")
            size = len(answer.content)
        return took, size


def _shares(requests: int) -> list[range]:
    size = max(1, requests // _BLOCKS)
    return [range(first, min(first + size, requests)) for first in range(0, requests, size)]
