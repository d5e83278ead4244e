"""Where events of customers come from, and how many wait there. Nothing is read, and no group is joined."""

from collections.abc import Iterator

from placet.contracts.text import counted
from placet.doctor.report import Finding
from placet.entrypoints.beside_worker.kafka_events import kafka_source
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.network.networks import SETTING, OutsidePerimeterError

ANSWER_SECONDS = 2.0
_FORTHCOMING = "events wait there until it is mended"


def kafka(settings: Settings) -> Iterator[Finding]:
    """Ask Kafka for each topic: whether it can be read, and how many messages nobody has taken yet."""
    source = kafka_source(settings)
    if source is None:
        yield Finding("info", "Kafka", "no events are read from Kafka", "set PLACET_KAFKA_BROKERS to read them")
        return
    try:
        consumer = source.consumer()
    except OutsidePerimeterError as error:
        yield Finding("problem", "Kafka", str(error), f"nothing is read there; add its network to {SETTING}")
        return
    try:
        for topic, tenant in source.topics.items():
            try:
                partitions = source.look(consumer, topic, ANSWER_SECONDS)
                waiting = source.waiting(consumer, topic, partitions, ANSWER_SECONDS)
            except OutsidePerimeterError as error:
                yield Finding("problem", "Kafka", str(error), f"nothing is read there; add its network to {SETTING}")
                return
            except PlacetError as error:
                yield Finding("problem", "Kafka", str(error), _FORTHCOMING)
                continue
            said = f"topic {topic!r} of tenant {tenant!r}, {counted(len(partitions), 'partition')}"
            yield Finding("ok", "Kafka", f"{said}: {counted(waiting, 'message')} not taken yet")
    finally:
        consumer.close()
