"""Events sent to the API one by one, beside requests that the same server answers without doing anything.

The sender is as small as can be, a socket for each of some connections: what a sender costs is not ours to measure, and
it shares the machine's cores with the server.
"""

import json
import secrets
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from placet.bench.console.serving import TOKEN, ConsoleParts
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn
from placet.bench.state.sample import event_text
from placet.entrypoints.processes.process import Child
from placet.errors import PlacetError

_CONNECTIONS: Final = 8
_EACH: Final = 50
_AIM: Final = 1_000.0
_END: Final = b"\r\n\r\n"
_LARGEST: Final = 65_536


def measure(parts: ConsoleParts, name: str, url: str, rounds: int) -> Iterator[Figure]:
    """Measure single events per second, and what one costs the server.

    Raises:
        PlacetError: the API answers something else than that it took an event.
    """
    address, child = parts.serve(url)
    try:
        senders = [_Sender(int(address.rpartition(":")[2])) for _ in range(_CONNECTIONS)]
        try:
            yield from _figures(parts, child, name, senders, rounds)
        finally:
            for sender in senders:
                sender.close()
    finally:
        parts.end(child)


def _figures(parts: ConsoleParts, child: Child, name: str, senders: list["_Sender"], rounds: int) -> Iterator[Figure]:
    acts: dict[str, Callable[[_Sender], None]] = {"ours": _Sender.event, "reference": _Sender.nothing}
    rates: dict[str, list[float]] = {act: [] for act in acts}
    costs: dict[str, list[float]] = {act: [] for act in acts}
    for number in range(rounds + 1):
        for act in in_turn(list(acts), number):
            before = parts.cpu_seconds(child)
            rate = _per_second(senders, acts[act])
            if number:  # the first round warms up
                rates[act].append(rate)
                costs[act].append(1000 * (parts.cpu_seconds(child) - before) / (_CONNECTIONS * _EACH))
    ours, reference = (statistics.median(rates[act]) for act in acts)
    against = f"GET /livez of the same server, by the same {_CONNECTIONS} connections"
    yield Figure(
        part="requests",
        name=f"events as single HTTP requests, {name}",
        unit="events/s",
        ours=ours,
        reference=reference,
        against=against,
        limit=_AIM,
        at_least=True,
        absolute=True,
    )
    yield Figure(
        part="requests",
        name=f"CPU of the server for one, {name}",
        unit="ms",
        ours=statistics.mean(costs["ours"]),
        reference=statistics.mean(costs["reference"]),
        against=against,
    )


def _per_second(senders: list["_Sender"], act: Callable[["_Sender"], None]) -> float:
    ready = threading.Barrier(len(senders) + 1)

    def work(sender: _Sender) -> None:
        ready.wait()
        for _ in range(_EACH):
            act(sender)

    with ThreadPoolExecutor(len(senders)) as pool:
        working = [pool.submit(work, sender) for sender in senders]
        ready.wait()
        began = time.perf_counter()
        for one in working:
            one.result()
        return len(senders) * _EACH / (time.perf_counter() - began)


class _Sender:
    """One connection to the API of this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._named = secrets.token_hex(4)
        self._sent = 0

    def close(self) -> None:
        self._socket.close()

    def event(self) -> None:
        """Send one new event."""
        self._sent += 1
        event = json.loads(event_text(self._sent, datetime.now(UTC)))
        body = json.dumps({**event, "id": f"{self._named}-{self._sent}"}).encode()
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n"
            f"Authorization: Bearer {TOKEN}\r\nX-Placet-Operator: olga\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = self._exchange(head.encode() + body)
        if b'"accepted":1' not in answer:
            raise PlacetError(f"an event was answered {answer[:200]!r}")

    def nothing(self) -> None:
        """Ask whether the server is alive."""
        self._exchange(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def _exchange(self, request: bytes) -> bytes:
        self._socket.sendall(request)
        answer = bytearray()
        while (end := answer.find(_END)) < 0:
            answer += self._read()
        length = next(
            int(line.partition(b":")[2])
            for line in bytes(answer[:end]).lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        while len(answer) < end + len(_END) + length:
            answer += self._read()
        if not answer.startswith(b"HTTP/1.1 20"):
            raise PlacetError(f"the API answered {bytes(answer[:200])!r}")
        return bytes(answer)

    def _read(self) -> bytes:
        part = self._socket.recv(_LARGEST)
        if not part:
            raise PlacetError("the API closed a connection")
        return part
