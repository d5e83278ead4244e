"""librdkafka's own mock cluster: brokers on this machine that speak Kafka's protocol, whom tests stop and start."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
from confluent_kafka import Producer

from placet.kafka.binding import Headers

_PRODUCER = 0


class Cluster:
    """A mock cluster of one broker; it lives as long as the process, or until it is closed."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_library())
        for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(self._library, name).restype = ctypes.c_void_p
        self._library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        said = ctypes.create_string_buffer(512)
        self._client = ctypes.c_void_p(self._library.rd_kafka_new(_PRODUCER, None, said, len(said)))
        assert self._client.value, said.value
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, 1))
        assert self._cluster.value
        self.brokers = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, topic: str, partitions: int = 1) -> None:
        """Create a topic."""
        assert self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1) == 0

    def down(self) -> None:
        """Close all connections, and take no others."""
        assert self._library.rd_kafka_mock_broker_set_down(self._cluster, 1) == 0

    def up(self) -> None:
        """Take connections again."""
        assert self._library.rd_kafka_mock_broker_set_up(self._cluster, 1) == 0

    def send(self, topic: str, *values: bytes | None, headers: Headers = ()) -> None:
        """Send messages, and wait until they are stored."""
        producer = Producer({"bootstrap.servers": self.brokers, "log_level": 1})
        for number, value in enumerate(values):
            partition = number % len(producer.list_topics(topic, timeout=30).topics[topic].partitions)
            producer.produce(topic, value, partition=partition, headers=list(headers))
        assert producer.flush(60) == 0

    def close(self) -> None:
        """Stop it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


@contextmanager
def kafka() -> Iterator[Cluster]:
    """Run a cluster while the block runs."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.close()


def _library() -> str:
    beside = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    (found,) = beside.glob("librdkafka-*")
    return str(found)
