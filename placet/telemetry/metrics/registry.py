"""The registry that `/metrics` shows: figures of the database and of Temporal, read again after some seconds."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from placet.engine.queues import QueueFigures
from placet.errors import PlacetError
from placet.storage.database import Database
from placet.storage.figures import Backlog, TenantFigures
from placet.telemetry.metrics import names
from placet.telemetry.metrics.names import Metric
from placet.telemetry.metrics.record_counts import RecordCounts, Sample

REMEMBERED_SECONDS: Final = 5.0
"""However many scrape, the database and Temporal are asked once in this time."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


Clock = Callable[[], datetime]
Queues = Callable[[], Mapping[str, QueueFigures]]
"""Asks Temporal, by kind of task; raises a `PlacetError` when it does not answer."""

Waiting = Callable[[], Mapping[str, int]]
"""Tells how many events of each tenant wait at Kafka for this process."""


class Figures(Collector):
    """Reads everything when it is scraped. What cannot be read is absent, and `placet_source_up` says so."""

    def __init__(
        self, database: Database, tenants: Sequence[str], clock: Clock, queues: Queues, waiting: Waiting
    ) -> None:
        self._waiting = waiting
        self._database = database
        self._tenants = tuple(tenants)
        self._clock = clock
        self._queues = queues
        self._counts = RecordCounts(database, tenants)
        self._reading = threading.Lock()
        self._found: list[Sample] = []
        self._found_at = float("-inf")

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield every metric of `names`, whether or not it has a value yet."""
        with self._reading:
            if time.monotonic() - self._found_at > REMEMBERED_SECONDS:
                self._found = [*self._of_database(), *self._of_temporal(), *self._of_kafka()]
                self._found_at = time.monotonic()
            found = self._found
        for metric in names.ALL:
            family = (GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily)(
                metric.name, metric.help, labels=metric.labels
            )
            for sampled, labels, value in found:
                if sampled is metric:
                    family.add_metric(labels, value)
            yield family

    def describe(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        """Return nothing: to register must not read."""
        return []

    def _of_database(self) -> list[Sample]:
        found: list[Sample] = []
        try:
            self._counts.follow()
            for tenant in self._tenants:
                with self._database.reading() as tx:
                    figures = tx.figures.of(tenant)
                found.extend(_gauges(tenant, figures, self._clock()))
        except PlacetError:
            return [(names.SOURCE_UP, ("database",), 0)]
        readable = [(names.RECORD_READABLE, (tenant,), float(up)) for tenant, up in self._counts.readable.items()]
        return [*found, *readable, *self._counts.samples(), (names.SOURCE_UP, ("database",), 1)]

    def _of_temporal(self) -> list[Sample]:
        try:
            queues = self._queues()
        except PlacetError:
            return [(names.SOURCE_UP, ("temporal",), 0)]
        found: list[Sample] = [(names.SOURCE_UP, ("temporal",), 1)]
        for kind, queue in queues.items():
            found.append((names.QUEUE_BACKLOG, (kind,), queue.backlog))
            found.append((names.QUEUE_OLDEST, (kind,), queue.oldest_seconds))
        return found

    def _of_kafka(self) -> Iterator[Sample]:
        for tenant, count in self._waiting().items():
            yield names.KAFKA_WAITING, (tenant,), count


def _gauges(tenant: str, figures: TenantFigures, now: datetime) -> Iterator[Sample]:
    for state, runs in figures.runs.items():
        yield names.RUNS_OPEN, (tenant, state), runs.count
        yield names.RUN_OLDEST, (tenant, state), _age(runs.since, now)
    yield names.GATE_OLDEST, (tenant,), _age(figures.oldest_gate, now)
    backlogs: tuple[tuple[Metric, Metric, Backlog], ...] = (
        (names.UNSIGNED_ENTRIES, names.UNSIGNED_SECONDS, figures.unsigned),
        (names.OUTBOX_WAITING, names.OUTBOX_OLDEST, figures.outbox),
    )
    for count, oldest, backlog in backlogs:
        yield count, (tenant,), backlog.count
        yield oldest, (tenant,), _age(backlog.since, now)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


class Metrics:
    """The metrics of one process, in Prometheus' text format."""

    def __init__(
        self, database: Database, tenants: Sequence[str], clock: Clock, queues: Queues, waiting: Waiting = dict
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(Figures(database, tenants, clock, queues, waiting))

    def text(self) -> bytes:
        """Return all metrics as a scrape shows them."""
        return generate_latest(self._registry)
