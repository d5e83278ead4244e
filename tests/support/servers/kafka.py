"""librdkafka's own mock cluster: brokers on this machine that speak Kafka's protocol, whom tests stop and start."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
from confluent_kafka import Producer

from placet.kafka.binding import Headers

_PRODUCER = 0
_END, _TOPIC, _PARTITION, _VALUE, _FLAGS, _HEADERS = 0, 1, 3, 4, 7, 10
"""What follows in a call of `rd_kafka_producev` (`rd_kafka_vtype_t`)."""
_COPY = 2


class Cluster:
    """A mock cluster of one broker; it lives as long as the process, or until it is closed."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_library())
        for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new", "rd_kafka_conf_new", "rd_kafka_headers_new"):
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

    def send_with_header(self, topic: str, value: bytes, name: bytes) -> None:
        """Send a message with a header of any name, which the client for Python would not write."""
        library, said = self._library, ctypes.create_string_buffer(512)
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        library.rd_kafka_conf_set(settings, b"bootstrap.servers", self.brokers.encode(), said, len(said))
        producer = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, settings, said, len(said)))
        assert producer.value, said.value
        headers = ctypes.c_void_p(library.rd_kafka_headers_new(1))
        library.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"x", ctypes.c_ssize_t(1))
        number, size = ctypes.c_int, ctypes.c_size_t
        of_topic = (number(_TOPIC), ctypes.c_char_p(topic.encode()), number(_PARTITION), number(0))
        of_value = (number(_FLAGS), number(_COPY), number(_VALUE), ctypes.c_char_p(value), size(len(value)))
        assert library.rd_kafka_producev(producer, *of_topic, *of_value, number(_HEADERS), headers, number(_END)) == 0
        assert library.rd_kafka_flush(producer, 60_000) == 0
        library.rd_kafka_destroy(producer)

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
