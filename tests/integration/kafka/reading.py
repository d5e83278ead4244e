"""A reader of a mock cluster, and what arrived through it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from placet.contracts.events.envelope import Arrived
from placet.kafka.consuming import KafkaEvents
from placet.kafka.source import KafkaSource
from placet.network.networks import LOOPBACK, Networks
from placet.service.state.current import state_of
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.integration.state.sending import NOW, OLDEST, recharge
from tests.support.guard import GUARD
from tests.support.servers.kafka import Cluster

SESSION_SECONDS = 6.0


def source_of(cluster: Cluster, networks: Networks = LOOPBACK, **topics: str) -> KafkaSource:
    """Return what is read there: the topic `events` of tenant `demo`, where nothing else is said."""
    host, _, port = cluster.brokers.partition(":")
    return KafkaSource(
        brokers=((host, int(port)),),
        topics=topics or {"events": "demo"},
        group="placet",
        networks=networks,
        session_seconds=SESSION_SECONDS,
    )


def taker(database: Database) -> Callable[[str, Sequence[Arrived]], int]:
    """Return what takes events, as a worker does."""

    def take(tenant: str, texts: Sequence[Arrived]) -> int:
        return len(take_events(database, tenant, texts, now=NOW, oldest=OLDEST).refused)

    return take


@contextmanager
def reading(database: Database, source: KafkaSource) -> Iterator[KafkaEvents]:
    """Read while the block runs."""
    with KafkaEvents(source, taker(database), look_seconds=0.5) as reader:
        yield reader


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + GUARD
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {GUARD} s: {what}"
        pause.wait(0.05)


def recharges(count: int, first: int = 0) -> list[bytes]:
    """Return events of one customer, each another."""
    return [
        recharge(number, time=(NOW - timedelta(minutes=number)).isoformat()) for number in range(first, first + count)
    ]


def counted(database: Database, tenant: str = "demo") -> int:
    """Return how many recharges the customer's state counts."""
    return state_of(database, tenant, "C00001", NOW).window(90).figure("recharges")


def letters(database: Database, tenant: str = "demo") -> dict[str, int]:
    """Return how many dead letters there are, by reason."""
    with database.reading() as tx:
        return tx.dead_letters.counts(tenant)


def in_binary_mode(event: bytes) -> tuple[bytes, list[tuple[str, str | bytes | None]]]:
    """Return value and headers of a message in binary mode."""
    given: dict[str, Any] = json.loads(event)
    value = json.dumps(given.pop("data")).encode()
    return value, [("content-type", "application/json"), *((f"ce_{name}", text) for name, text in given.items())]
