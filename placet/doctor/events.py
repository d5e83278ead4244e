"""Where events of customers come from, and how many wait there. Nothing is read, asked for, or joined."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.doctor.report import Finding
from placet.entrypoints.beside_worker.hub_subscription import AGAIN_SECONDS, callback_of, read_subscription
from placet.entrypoints.beside_worker.kafka_events import kafka_source
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.network.networks import SETTING, OutsidePerimeterError

ANSWER_SECONDS = 2.0
_MISSED_ROUNDS = 4
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


def hub(settings: Settings) -> Iterator[Finding]:
    """Say whether the BSS sends us the events that happen in it, by what a worker of this folder noted last."""
    if settings.listener_url:
        callback_of(settings)  # the fault of a setting comes first
    noted = read_subscription(settings)
    if noted is None:
        if settings.listener_url:
            detail = f"no worker of this folder has asked {settings.hub_url or settings.bss_url} for its events yet"
            yield Finding("info", "BSS events", detail, "start a worker; if one runs elsewhere, ask the doctor there")
        else:
            advice = "set PLACET_LISTENER_URL and PLACET_LISTENER_TOKEN to be told of them"
            yield Finding("info", "BSS events", "the BSS is not asked to send its events", advice)
        return
    late = datetime.now(UTC) - noted.checked_at > timedelta(seconds=_MISSED_ROUNDS * AGAIN_SECONDS)
    where = f"the BSS at {noted.hub}"
    if late:
        advice = "the next worker asks again; events that happen meanwhile wait at the BSS, if it still knows us"
        yield Finding("info", "BSS events", f"{where} was asked last at {minute(noted.checked_at)}", advice)
    elif noted.fault:
        yield Finding("problem", "BSS events", f"{where}: {noted.fault}", "no event of it arrives until it is mended")
    else:
        since = f", registered at {minute(noted.since)}" if noted.since else ""
        yield Finding("ok", "BSS events", f"{where} sends its events to {noted.listener}{since}")
