"""A reader may die at any moment: nothing is lost, and nothing counts twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from placet.storage.database import Database
from tests.integration.kafka.reading import counted, letters, reading, recharges, source_of, until
from tests.support.guard import GUARD
from tests.support.servers.kafka import kafka


@contextmanager
def reader(url: str, brokers: str, point: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-m", "tests.integration.kafka.dying_reader", url, brokers, point])
    try:
        yield started
    finally:
        started.kill()
        started.wait(GUARD)


@pytest.mark.parametrize("point", ["before", "within", "after"])
def test_a_reader_that_dies_in_mid_batch_loses_nothing_and_counts_nothing_twice(
    database: Database, database_url: str, point: str
) -> None:
    with kafka() as cluster:
        cluster.create("events", 2)
        cluster.send("events", *recharges(80), b"poison")
        with reader(database_url, cluster.brokers, point) as first:
            assert first.wait(GUARD) == -signal.SIGKILL
        before = counted(database)
        assert before in {"before": {0}, "within": range(1, 80), "after": range(1, 81)}[point]
        with reading(database, source_of(cluster)):
            until(lambda: counted(database) == 80, "everything is taken")
            until(lambda: letters(database) == {"malformed": 1}, "so is what is no event")
        assert counted(database) == 80


def test_readers_that_are_killed_while_events_flow_lose_nothing(database: Database, database_url: str) -> None:
    sent = 0
    with kafka() as cluster:
        cluster.create("events", 2)
        for _ in range(3):
            with reader(database_url, cluster.brokers, "never"):
                for _ in range(4):
                    cluster.send("events", *recharges(50, first=sent))
                    sent += 50
                wanted = sent - 150
                until(lambda least=wanted: counted(database) >= least, "some are taken")  # type: ignore[misc]
        with reading(database, source_of(cluster)):
            until(lambda: counted(database) == sent, "everything is taken")
    assert letters(database) == {}
