"""Where events are read at Kafka, and by what rights."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from placet.errors import UpstreamRejected, UpstreamUnavailable
from placet.network.networks import Networks, OutsidePerimeterError

SESSION_SECONDS: Final = 45.0
"""After this time without a sign of life, a reader's partitions go to the others; Kafka's own default."""

_ALERTS: Final = 1
# Of each reader, whatever the size of the messages: what waits in its memory, and what one answer brings.
_QUEUED_KILOBYTES: Final = 16_384
_FETCHED_BYTES: Final = 8 * 1024 * 1024
_SILENT: Final = logging.getLogger("placet.kafka.client")


@dataclass(frozen=True, slots=True)
class KafkaSource:
    """A cluster, and what is read there.

    Attributes:
        brokers: Host and port of those that are asked first.
        topics: Each topic, and the tenant whose customers its events are about.
        group: The consumer group, under whose name offsets are committed.
        networks: Where brokers may be.
        security: librdkafka's settings of TLS and SASL.
        session_seconds: When a reader that is not heard of counts as gone.
    """

    brokers: tuple[tuple[str, int], ...]
    topics: Mapping[str, str]
    group: str
    networks: Networks
    security: Mapping[str, str] = field(default_factory=dict, repr=False)
    session_seconds: float = SESSION_SECONDS

    @property
    def name(self) -> str:
        """The brokers, as a person writes them."""
        return ",".join(f"{host}:{port}" for host, port in self.brokers)

    def consumer(self, **callbacks: Callable[..., None]) -> Consumer:
        """Make a consumer that commits nothing by itself. It connects at once, in a thread of its own.

        Raises:
            OutsidePerimeterError: a broker is outside the declared networks.
            UpstreamUnavailable: a broker's name cannot be resolved, or a setting is not supported.
        """
        for host, port in self.brokers:
            self._admit(host, port)
        settings: dict[str, Any] = {
            **self.security,
            **callbacks,
            "bootstrap.servers": self.name,
            "group.id": self.group,
            "client.id": "placet",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
            "session.timeout.ms": int(self.session_seconds * 1000),
            "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
            "fetch.max.bytes": _FETCHED_BYTES,
            # What is wrong is told by the callback, once; the library would tell it at each attempt.
            "log_level": _ALERTS,
        }
        try:
            return Consumer(settings, logger=_SILENT)
        except KafkaException as error:
            raise UpstreamUnavailable(f"Kafka's client cannot be made: {words_of(error)}") from error

    def look(self, consumer: Consumer, topic: str, seconds: float) -> list[int]:
        """Ask for a topic and for who serves it; return its partitions.

        Raises:
            OutsidePerimeterError: a broker of the cluster is outside the declared networks.
            UpstreamUnavailable: nobody answers.
            UpstreamRejected: the topic cannot be read.
        """
        try:
            found = consumer.list_topics(topic, timeout=seconds)
        except KafkaException as error:
            raise UpstreamUnavailable(f"Kafka at {self.name!r} does not answer: {words_of(error)}") from error
        for broker in found.brokers.values():
            self._admit(broker.host, broker.port)
        fault: KafkaError | None = found.topics[topic].error
        if fault is not None:
            raise UpstreamRejected(f"topic {topic!r} at Kafka cannot be read: {fault.str()}", code=fault.name().lower())
        return sorted(found.topics[topic].partitions)

    def waiting(self, consumer: Consumer, topic: str, partitions: list[int], seconds: float) -> int:
        """Return how many messages of a topic's partitions the group has not committed.

        Raises:
            UpstreamUnavailable: nobody answers.
        """
        total = 0
        try:
            committed = consumer.committed([TopicPartition(topic, one) for one in partitions], timeout=seconds)
            for one in committed:
                low, high = consumer.get_watermark_offsets(one, timeout=seconds)
                total += high - (max(one.offset, low) if one.offset >= 0 else low)
        except KafkaException as error:
            raise UpstreamUnavailable(f"Kafka at {self.name!r} does not answer: {words_of(error)}") from error
        return max(total, 0)

    def _admit(self, host: str, port: int) -> None:
        try:
            self.networks.admit(host, port)
        except OutsidePerimeterError:
            raise
        except OSError as error:
            raise UpstreamUnavailable(f"broker {host!r} has no address: {error.strerror or error}") from error


def words_of(error: KafkaException) -> str:
    """Return what a fault of the client's says."""
    fault = error.args[0] if error.args else error
    return str(fault.str()) if isinstance(fault, KafkaError) else str(fault)
