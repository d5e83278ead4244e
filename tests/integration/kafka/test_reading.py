"""Events from Kafka are taken once, whatever happens to the reader, the brokers or the database."""

import logging
from collections.abc import Iterator, Sequence

import pytest

from placet.contracts.events.envelope import Arrived, Unreadable
from placet.errors import GovernanceError, StorageError
from placet.kafka.consuming import KafkaEvents
from placet.kafka.source import KafkaSource
from placet.network.networks import Networks
from placet.service.state.dead import list_letters, retry_letters
from placet.storage.database import Database
from tests.integration.kafka.reading import (
    counted,
    in_binary_mode,
    letters,
    reading,
    recharges,
    source_of,
    taker,
    until,
)
from tests.integration.state.sending import NOW, OLDEST, recharge
from tests.support.servers.kafka import Cluster, kafka


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with kafka() as running:
        running.create("events", 3)
        yield running


def test_events_of_both_modes_are_taken_and_committed(database: Database, cluster: Cluster) -> None:
    cluster.send("events", *recharges(10), headers=[("content-type", "application/cloudevents+json; charset=UTF-8")])
    for event in recharges(5, first=10):
        value, headers = in_binary_mode(event)
        cluster.send("events", value, headers=headers)
    cluster.send("events", *recharges(3))  # the same again, in a third form: whole events without a header
    source = source_of(cluster)
    with reading(database, source) as reader:
        until(lambda: counted(database) == 15, "all events are taken")
        until(lambda: reader.waiting == {"demo": 0}, "nothing waits")
        assert (reader.faults, letters(database)) == ({}, {})
    consumer = source.consumer()
    until(lambda: source.waiting(consumer, "events", source.look(consumer, "events", 30), 30) == 0, "all is committed")
    consumer.close()


def test_a_topic_of_another_tenant_is_taken_for_it(database: Database, cluster: Cluster) -> None:
    cluster.create("others")
    cluster.send("events", *recharges(1))
    cluster.send("others", *recharges(2))
    with reading(database, source_of(cluster, events="demo", others="north")):
        until(lambda: (counted(database), counted(database, "north")) == (1, 2), "each tenant has its own")


def test_what_is_no_event_becomes_a_dead_letter_and_stops_nothing(database: Database, cluster: Cluster) -> None:
    value, headers = in_binary_mode(recharge(1))
    cluster.send("events", b"\xff", None, b"x" * 70_000, recharge(1, type="acme.birthday.v1"))
    cluster.send("events", b"{not json", headers=headers)
    cluster.send("events", value, headers=[*headers, ("ce_id", "twice")])
    cluster.send("events", *recharges(1))
    with reading(database, source_of(cluster)):
        until(lambda: counted(database) == 1, "the event behind them is taken")
        until(lambda: sum(letters(database).values()) == 6, "each is kept")
    assert letters(database) == {"malformed": 2, "unreadable": 2, "too_large": 1, "unknown_type": 1}
    with database.reading() as tx:
        reasons = {one.reason for one in tx.dead_letters.list("demo", code="unreadable", after=None, limit=9)}
    assert {"its value is not JSON", "its header 'ce_id' comes twice"} == reasons


@pytest.mark.parametrize("name", [b"x-\xc3", b"ce_\xff\xfe", b"ce_\xed\xa0\x80"])
def test_a_header_whose_name_nobody_can_read_stops_nothing(database: Database, cluster: Cluster, name: bytes) -> None:
    """The client's answer is an error, or, in a loop, a list that ends the process of whoever looks at it."""
    cluster.create("others")
    cluster.send("events", *recharges(2))
    cluster.send("others", *[b"no event"] * 30, headers=[("x", b"x")])
    cluster.send_with_header("events", b"{}", name)
    cluster.send("events", *recharges(3, first=2))
    cluster.send("others", *recharges(1))
    with reading(database, source_of(cluster, events="demo", others="north")) as reader:
        until(lambda: counted(database) == 5 and counted(database, "north") == 1, "all others are taken")
        until(lambda: reader.faults == {}, "nothing is wrong")
        until(lambda: letters(database, "north") == {"malformed": 1}, "what is no event is put aside")
    assert letters(database) == {"unreadable": 1}
    with database.reading() as tx:
        (letter,) = tx.dead_letters.list("demo", code=None, after=None, limit=5)
    assert letter.reason == "the name of one of its headers is not UTF-8"


def test_one_event_that_cannot_be_taken_at_all_is_put_aside(database: Database, cluster: Cluster) -> None:
    take, poison = taker(database), recharge(70)

    def refusing(tenant: str, texts: Sequence[Arrived]) -> int:
        if poison in texts:
            raise GovernanceError("a constraint said no", code="constraint")
        return take(tenant, texts)

    cluster.send("events", *recharges(12))
    cluster.send("events", poison)
    with KafkaEvents(source_of(cluster), refusing) as reader:
        until(lambda: counted(database) == 12, "the others are taken")
        until(lambda: letters(database) == {"set_aside": 1}, "it is a dead letter")
        assert reader.faults == {}
    with database.reading() as tx:
        (letter,) = tx.dead_letters.list("demo", code=None, after=None, limit=9)
    assert (letter.content, letter.reason) == (poison, "taking it failed with constraint")
    assert retry_letters(database, "demo", None, now=NOW, oldest=OLDEST).taken == 1


def test_a_database_that_is_gone_for_a_while_loses_nothing(
    database: Database, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    take, gone, asked = taker(database), [True], [0]

    def failing(tenant: str, texts: Sequence[Arrived]) -> int:
        asked[0] += 1
        if gone[0]:
            raise StorageError("database 'x' cannot be reached", code="storage_unreachable")
        return take(tenant, texts)

    cluster.send("events", *recharges(40))
    with caplog.at_level(logging.INFO), KafkaEvents(source_of(cluster), failing, look_seconds=0.5) as reader:
        until(lambda: asked[0] >= 4, "it tries again and again")
        assert reader.faults == {"database": "storage_unreachable"}
        gone[0] = False
        until(lambda: counted(database) == 40, "everything is taken")
        until(lambda: not reader.faults, "the fault is over")
    told = [record.getMessage() for record in caplog.records if "wait there" in record.getMessage()]
    assert told == ["events from Kafka wait there: database 'x' cannot be reached"]


def test_brokers_that_go_away_and_come_back_are_told_once(
    database: Database, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.send("events", *recharges(3))
    with caplog.at_level(logging.INFO), reading(database, source_of(cluster)) as reader:
        until(lambda: counted(database) == 3, "the first are taken")
        for first in (3, 6):
            cluster.down()
            until(lambda: "Kafka" in reader.faults, "it is noticed")
            cluster.up()
            cluster.send("events", *recharges(3, first=first))
            until(lambda wanted=first + 3: counted(database) == wanted, "what came meanwhile is taken")  # type: ignore[misc]
            until(lambda: not reader.faults, "the fault is over")
    told = [record.levelname for record in caplog.records if "events from Kafka wait:" in record.getMessage()]
    assert told == ["ERROR", "ERROR"]


def test_a_reader_may_start_and_stop_while_nobody_answers(database: Database, cluster: Cluster) -> None:
    cluster.send("events", *recharges(2))
    cluster.down()
    with reading(database, source_of(cluster)) as reader:
        until(lambda: "Kafka" in reader.faults, "it is noticed")
    assert counted(database) == 0
    with reading(database, source_of(cluster)):
        cluster.up()
        until(lambda: counted(database) == 2, "they are taken")


def test_a_topic_that_is_not_there_is_told_and_the_others_are_read(database: Database, cluster: Cluster) -> None:
    cluster.send("events", *recharges(2))
    with reading(database, source_of(cluster, events="demo", missing="demo")) as reader:
        until(lambda: counted(database) == 2, "they are taken")
        until(lambda: set(reader.faults) == {"topic missing"}, "it is told")
        cluster.create("missing")
        cluster.send("missing", *recharges(2, first=2))
        until(lambda: counted(database) == 4, "it is read once it is there")
        until(lambda: reader.faults == {}, "the fault is over")


def test_partitions_move_between_readers_and_each_event_counts_once(database: Database, cluster: Cluster) -> None:
    cluster.send("events", *recharges(60))
    source = source_of(cluster)
    with reading(database, source) as one:
        until(lambda: counted(database) > 0, "the first reads")
        with reading(database, source) as two:
            until(lambda: _shares(one, two), "the second has some of the partitions")
            cluster.send("events", *recharges(60, first=60))
            until(lambda: counted(database) == 120, "both read")
        cluster.send("events", *recharges(60, first=120))
        until(lambda: counted(database) == 180, "the first has all of them again")
    assert letters(database) == {}


def _shares(one: KafkaEvents, two: KafkaEvents) -> bool:
    held = [len(reader._consumer.assignment()) if reader._consumer else 0 for reader in (one, two)]
    return min(held) > 0 and sum(held) == 3


@pytest.mark.parametrize("networks", ["10.20.0.0/16", "::1/128"])
def test_brokers_outside_the_declared_networks_are_never_joined(
    database: Database, cluster: Cluster, networks: str
) -> None:
    cluster.send("events", *recharges(2))
    source: KafkaSource = source_of(cluster, Networks.parse(networks))
    with reading(database, source) as reader:
        until(lambda: "Kafka" in reader.faults, "it is noticed")
        assert reader.faults == {"Kafka": "outside"}
        assert reader._consumer is None
    assert counted(database) == 0


def test_what_is_unreadable_is_kept_as_it_was_read(database: Database) -> None:
    assert taker(database)("demo", [Unreadable(b"whatever", "its value is not JSON")]) == 1
    (letter,) = list_letters(database, "demo")
    assert (letter.code, letter.reason, letter.content) == ("unreadable", "its value is not JSON", b"whatever")
    assert retry_letters(database, "demo", None, now=NOW, oldest=OLDEST).still == 1
    assert list_letters(database, "demo") == (letter,)
