"""How much waits at Kafka is seen: by the doctor, on the page of health, as a metric."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from placet.doctor.events import kafka as probe
from placet.entrypoints.beside_worker.kafka_events import taking_from_kafka
from placet.entrypoints.settings import Settings
from placet.storage.database import Database
from placet.telemetry.metrics.registry import Metrics
from tests.integration.kafka.reading import recharges, until
from tests.integration.state.sending import recharge
from tests.support.servers.kafka import Cluster, kafka


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with kafka() as running:
        running.create("events", 2)
        yield running


def settings(cluster: Cluster, **values: str) -> Settings:
    given = {"kafka_brokers": cluster.brokers, "kafka_topics": "events", "kafka_tls": "no", **values}
    return Settings.model_validate(given)


def test_the_doctor_says_how_many_messages_wait(cluster: Cluster) -> None:
    cluster.send("events", *recharges(7))
    (found,) = probe(settings(cluster))
    said = "topic 'events' of tenant 'demo', 2 partitions: 7 messages not taken yet"
    assert (found.level, found.check, found.detail) == ("ok", "Kafka", said)
    (found,) = probe(Settings())
    assert (found.level, found.detail) == ("info", "no events are read from Kafka")


def test_the_doctor_names_what_is_wrong(cluster: Cluster) -> None:
    (missing,) = probe(settings(cluster, kafka_topics="missing"))
    assert missing.level == "problem"
    assert missing.detail == "topic 'missing' at Kafka cannot be read: Broker: Unknown topic or partition"
    (outside,) = probe(settings(cluster, perimeter_networks="10.0.0.0/8"))
    assert (outside.level, "outside the perimeter" in outside.detail) == ("problem", True)
    cluster.down()
    (away,) = probe(settings(cluster))
    assert away.level == "problem"
    assert away.detail.startswith(f"Kafka at {cluster.brokers!r} does not answer: ")


def test_what_a_worker_reads_is_a_metric(tmp_path: Path, cluster: Cluster) -> None:
    now = datetime.now(UTC)
    with Database(f"sqlite:///{tmp_path / 'placet.db'}") as database:
        database.migrate()
        cluster.send("events", recharge(1, time=now.isoformat()), recharge(2, time=now.isoformat()))
        with taking_from_kafka(settings(cluster), database, lambda: datetime.now(UTC)) as waiting:
            metrics = Metrics(database, ("demo",), lambda: datetime.now(UTC), dict, waiting)
            until(lambda: database_has(database, 2), "both are taken")
            until(lambda: waiting() == {"demo": 0}, "nothing waits")
            assert 'placet_kafka_waiting{tenant="demo"} 0.0' in metrics.text().decode()
        with taking_from_kafka(Settings(), database, lambda: datetime.now(UTC)) as waiting:
            assert waiting() == {}


def database_has(database: Database, events: int) -> bool:
    with database.reading() as tx:
        return len(tx.events.of_customer("demo", "C00001")) == events
