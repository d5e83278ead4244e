"""A reader that dies (SIGKILL) at a chosen point: `python -m tests.integration.kafka.dying_reader URL BROKERS POINT`.

Points: `before` a batch is taken, `within` it (a part is durable, a part is not), `after` it and before its offsets are
committed; `never`.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence

from placet.contracts.events.envelope import Arrived
from placet.kafka.consuming import KafkaEvents
from placet.kafka.source import KafkaSource
from placet.network.networks import LOOPBACK
from placet.storage.database import Database
from tests.integration.kafka.reading import SESSION_SECONDS, taker


def main(url: str, brokers: str, point: str) -> None:
    """Read until killed."""
    host, _, port = brokers.partition(":")
    database = Database(url)
    take = taker(database)

    def dying(tenant: str, texts: Sequence[Arrived]) -> int:
        if point == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if point == "within":
            take(tenant, texts[: len(texts) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        refused = take(tenant, texts)
        if point == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return refused

    source = KafkaSource(((host, int(port)),), {"events": "demo"}, "placet", LOOPBACK, session_seconds=SESSION_SECONDS)
    with KafkaEvents(source, dying):
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
