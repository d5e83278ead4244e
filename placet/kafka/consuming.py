"""Events from Kafka, taken beside a worker.

    (1) Read up to `MOST_AT_ONCE` messages, and bring each into CloudEvents' JSON format.
    (2) Have them taken: durable, or a dead letter, each once.
    (3) Only then commit their offsets.

Whoever is killed between two of these gets the messages again. Who takes events knows each by its source and id, and
counts it once. So nothing is lost and nothing counts twice, wherever a reader dies and however partitions move.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import methodcaller
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from placet.contracts.events.envelope import Arrived, Unreadable
from placet.contracts.text import counted, one_line
from placet.errors import PlacetError, StorageError, UpstreamUnavailable
from placet.kafka.binding import event_text, headless
from placet.kafka.source import KafkaSource, words_of
from placet.network.networks import OutsidePerimeterError
from placet.rounds import Faults, Rounds

MOST_AT_ONCE: Final = 500
"""Messages that are read before they are taken."""

LOOK_SECONDS: Final = 30.0
"""How often the cluster is asked where it is and how much waits; while something is wrong, in each round."""

_PAUSE_SECONDS: Final = 1.0
_READ_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0

Take = Callable[[str, Sequence[Arrived]], int]
"""Takes what arrived of a tenant and returns how much of it could not be taken; raises `StorageError`."""

_log = logging.getLogger(__name__)

# A rebalance came first: the partition's new reader reads from the last commit, and each event counts once.
_OVERTAKEN: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._NO_OFFSET,  # noqa: SLF001 - the client's name for an error of its own
    }
)
# One broker's connection ended, as an idle one does: no fault while others answer.
_PASSING: Final = frozenset({KafkaError._TRANSPORT, KafkaError._TIMED_OUT})  # noqa: SLF001
_AWAY: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE})  # noqa: SLF001
_NEVER: Final = float("-inf")
_HEADERS: Final = methodcaller("headers")
"""Asks a message for its headers. Where the name of one is no UTF-8, the client's C code returns a list with nothing
in one of its places, and sets an error. Only a call from C looks for the error: one that the interpreter has come to
make directly, as it does in a loop, hands the list on, and whoever looks at it ends the process."""
_CLUSTER: Final = "Kafka"
_DATABASE: Final = "database"
_READER: Final = "reader"


class KafkaEvents(Rounds):
    """A background loop that reads some topics.

    Several workers may run it: Kafka divides the partitions among them.

    Args:
        source: What is read.
        take: Who takes it.
        look_seconds: See `LOOK_SECONDS`.
    """

    def __init__(self, source: KafkaSource, take: Take, *, look_seconds: float = LOOK_SECONDS) -> None:
        super().__init__("events from Kafka", _PAUSE_SECONDS)
        self._source, self._take, self._look_seconds = source, take, look_seconds
        self._faults = Faults(_log)
        self._consumer: Consumer | None = None
        self._broken: str | None = None
        self._outdated = False
        self._looked_at = _NEVER
        self._next: dict[tuple[str, int], int] = {}
        self.waiting: Mapping[str, int] = {}

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong now, by subject."""
        return self._faults.now

    def stop(self) -> None:
        """Stop, and leave the group, so that others go on at once."""
        thread = self._thread
        super().stop()
        if thread is None or not thread.is_alive():
            self._leave()

    def round(self) -> None:
        """Take what is there, until nothing is or something is wrong."""
        try:
            while not self._stopping.is_set() and self._once():
                pass
        except OutsidePerimeterError as error:
            # Nobody goes on speaking to brokers elsewhere; the next round asks again where they are.
            self._leave()
            self._faults.tell(_CLUSTER, "outside", f"events from Kafka are not read: {error}")
        except UpstreamUnavailable as error:
            if _CLUSTER not in self._faults:  # what was told already may say why
                self._faults.tell(_CLUSTER, "away", f"events from Kafka wait: {error}")
        except StorageError as error:
            self._faults.tell(_DATABASE, error.code, f"events from Kafka wait there: {error}")
        except Exception as error:
            # What was read and not taken would be passed over by the next commit: begin again at the last one.
            self._leave()
            known = _READER in self._faults
            self._faults.tell(_READER, type(error).__name__, "reading events from Kafka failed; it is tried again")
            if not known:
                raise

    def _once(self) -> bool:
        consumer = self._consumer or self._join()
        if self._faults.now or time.monotonic() - self._looked_at >= self._look_seconds:
            self._look(consumer)
            if self._outdated:
                # The library would notice a topic that is there now after minutes; who joins anew has it at once.
                self._leave()
                return True
        messages = [one for one in consumer.consume(MOST_AT_ONCE, _READ_SECONDS) if self._sound(one)]
        if self._broken is not None:
            broken, self._broken = self._broken, None
            self._leave()
            raise UpstreamUnavailable(f"Kafka's client ended: {broken}")
        if not messages:
            return False
        try:
            refused = self._have_taken(messages)
        except StorageError:
            self._back(consumer, messages)
            raise
        if self._faults.mended(_DATABASE):
            _log.info("the database answers again: events from Kafka are taken")
        for subject in (_READER, *(_reading(str(one.topic())) for one in messages)):
            if self._faults.mended(subject):
                _log.info("events from Kafka are read again")
        self._commit(consumer, messages)
        if refused:
            said = f"{counted(refused, 'message')} from Kafka could not be taken"
            _log.warning("%s; see `placet state deadletters list`", said)
        return True

    def _have_taken(self, messages: Iterable[Message]) -> int:
        arrived: dict[str, list[Arrived]] = {}
        for one in messages:
            texts = arrived.setdefault(self._source.topics[str(one.topic())], [])
            texts.append(_arrived(one))
        return sum(self._taken(tenant, texts) for tenant, texts in arrived.items())

    def _taken(self, tenant: str, texts: Sequence[Arrived]) -> int:
        """Have a batch taken; one that cannot be taken as a whole is taken one by one, so that one stops no other."""
        try:
            return self._take(tenant, texts)
        except StorageError:
            raise
        except Exception as error:
            if len(texts) > 1:
                return sum(self._taken(tenant, [one]) for one in texts)
            (only,) = texts
            if isinstance(only, Unreadable):
                raise
            _log.warning("an event from Kafka could not be taken (%s)", type(error).__name__)
            code = error.code if isinstance(error, PlacetError) else type(error).__name__
            return self._take(tenant, [Unreadable(only, f"taking it failed with {code}", "set_aside")])

    def _back(self, consumer: Consumer, messages: Iterable[Message]) -> None:
        """Read messages again the next time; of a partition that moved on, its new reader does."""
        first: dict[tuple[str, int], int] = {}
        for topic, partition, offset in map(_place, messages):
            first[topic, partition] = min(offset, first.get((topic, partition), offset))
        try:
            for (topic, partition), offset in first.items():
                consumer.seek(TopicPartition(topic, partition, offset))
        except KafkaException:
            self._leave()

    def _commit(self, consumer: Consumer, messages: Iterable[Message]) -> None:
        last: dict[tuple[str, int], int] = {}
        for topic, partition, offset in map(_place, messages):
            last[topic, partition] = max(offset + 1, last.get((topic, partition), 0))
        self._next.update(last)
        offsets = [TopicPartition(topic, partition, offset) for (topic, partition), offset in last.items()]
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._committed(error.args[0], offsets)
        self._count(consumer)

    def _join(self) -> Consumer:
        """Make a consumer, find out where the cluster is, and only then read.

        Raises:
            OutsidePerimeterError: a broker is outside the declared networks.
            UpstreamUnavailable: the cluster does not answer.
        """
        consumer = self._source.consumer(error_cb=self._errs, on_commit=self._committed)
        try:
            self._look(consumer)
            self._outdated = False
            consumer.subscribe(list(self._source.topics), on_revoke=self._lose, on_lost=self._lose)
        except BaseException:
            consumer.poll(0)  # why it does not answer comes by the callback
            consumer.close()
            raise
        self._consumer = consumer
        _log.info("events are read from Kafka: %s", ", ".join(sorted(self._source.topics)))
        return consumer

    def _look(self, consumer: Consumer) -> None:
        """Ask where the cluster is and what it has.

        Raises:
            OutsidePerimeterError: a broker is outside the declared networks.
            UpstreamUnavailable: the cluster does not answer.
        """
        for topic in self._source.topics:
            try:
                self._source.look(consumer, topic, _ANSWER_SECONDS)
            except UpstreamUnavailable:
                raise
            except PlacetError as error:
                self._faults.tell(_subject(topic), error.code, str(error))
            else:
                if self._faults.mended(_subject(topic)):
                    _log.info("topic %r at Kafka can be read", topic)
                    self._outdated = True
        if self._faults.mended(_CLUSTER):
            _log.info("Kafka answers again: events are read")
        self._looked_at = time.monotonic()
        self._find_committed(consumer)
        self._count(consumer)

    def _find_committed(self, consumer: Consumer) -> None:
        unknown = [one for one in consumer.assignment() if (one.topic, one.partition) not in self._next]
        try:
            for one in consumer.committed(unknown, timeout=_ANSWER_SECONDS) if unknown else ():
                low, _ = consumer.get_watermark_offsets(one, timeout=_ANSWER_SECONDS)
                self._next[one.topic, one.partition] = max(one.offset, low)
        except KafkaException as error:
            raise UpstreamUnavailable(f"Kafka does not answer: {words_of(error)}") from error

    def _count(self, consumer: Consumer) -> None:
        """Note how much waits, by what the brokers said with their last answers."""
        if not self._next and self.waiting:
            return  # of nothing it is known; what was known is nearer to the truth than nothing
        waiting = dict.fromkeys(self._source.topics.values(), 0)
        for (topic, partition), offset in self._next.items():
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            waiting[self._source.topics[topic]] += max(0, high - offset)
        self.waiting = waiting

    def _sound(self, message: Message) -> bool:
        fault = message.error()
        if fault is not None and message.topic() is None:
            self._errs(fault)  # of the client itself
        elif fault is not None and fault.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._looked_at = _NEVER  # a look tells it, and finds out when it is there
        elif fault is not None:
            topic = str(message.topic())
            said = one_line(fault.str())
            self._faults.tell(_reading(topic), fault.name().lower(), f"topic {topic!r} at Kafka cannot be read: {said}")
        return fault is None

    def _errs(self, fault: KafkaError) -> None:
        if fault.fatal():
            self._broken = one_line(fault.str())
        elif fault.code() in _AWAY:
            self._looked_at = _NEVER  # whether it is so still, the next look finds out: this may be old news
        elif fault.code() not in _PASSING:
            said = f"events from Kafka wait: {one_line(fault.str())}"
            self._faults.tell(_CLUSTER, fault.name().lower(), said)

    def _committed(self, fault: KafkaError | None, _offsets: list[TopicPartition]) -> None:
        if fault is not None and fault.code() not in _OVERTAKEN:
            # The events are durable. The next commit goes further; without one they come again, and count once.
            _log.info("an offset was not committed at Kafka: %s", one_line(fault.str()))

    def _lose(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self._next.pop((one.topic, one.partition), None)
        # Others read them now, and count what waits there. Who leaves because of a fault has no consumer any more.
        if not self._next and self._consumer is not None:
            self.waiting = dict.fromkeys(self._source.topics.values(), 0)

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._next.clear()
        if consumer is not None:
            consumer.close()


def _subject(topic: str) -> str:
    return f"topic {topic}"


def _reading(topic: str) -> str:
    return f"messages of {topic}"


def _place(message: Message) -> tuple[str, int, int]:
    return str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)


def _arrived(message: Message) -> Arrived:
    """Return the event of a message, or why there is none."""
    try:
        given = _HEADERS(message) or []
    except (SystemError, UnicodeError):  # the client's answer where the name of a header is no UTF-8
        return headless(message.value())
    return event_text(list(given.items()) if isinstance(given, dict) else given, message.value())
