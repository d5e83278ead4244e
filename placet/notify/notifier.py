"""The notifier: takes what is due from the outbox and delivers it, again and again, beside a worker.

Any number of workers may run one. A message is claimed, in a transaction, before it is sent, so that no two send it at
once; a notifier that dies in between leaves it to the next one. Each lane (all e-mail; each webhook) has a thread of
its own while something is due, and pauses by itself while its other end is unwell: no lane waits for another.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from placet.contracts.audit import RecordKind
from placet.contracts.notification import Notification
from placet.errors import PlacetError, UpstreamRejected
from placet.notify.channel import DEFERRED, Sender, Unconfigured
from placet.notify.notices import message_id
from placet.rounds import STOP_SECONDS, Faults, Rounds
from placet.storage.database import Database
from placet.storage.notifications import Lane
from placet.storage.transaction import AnotherRun, Transaction

_log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS: Final = 15.0
"""Doubled at each further attempt: twelve attempts take eight and a half hours."""

LONGEST_RETRY_SECONDS: Final = 6 * 3600.0
FIRST_PAUSE_SECONDS: Final = 1.0
"""How long a lane rests after its other end failed; doubled at each further failure in a row."""

LONGEST_PAUSE_SECONDS: Final = 60.0
_MOST_DOUBLINGS: Final = 20


class Notifier(Rounds):
    """A background loop over the outbox of some tenants.

    Args:
        database: Where the outbox and the record are.
        tenants: Whose messages.
        senders: Who delivers, by lane; a lane without one is tried again, and given up in the end.
        clock: Aware wall-clock time.
        interval_seconds: Pause between looks at the outbox; an idle look reads a little and writes nothing.
        attempts: Attempts before a message has failed.
        lease_seconds: How long a message waits for a notifier that died. Longer than any sending can take.
    """

    def __init__(
        self,
        database: Database,
        tenants: frozenset[str],
        senders: Mapping[Lane, Sender],
        clock: Callable[[], datetime],
        interval_seconds: float = 2.0,
        *,
        attempts: int = 12,
        lease_seconds: float = 60.0,
    ) -> None:
        super().__init__("notifier", interval_seconds)
        self._database = database
        self._tenants = tenants
        self._senders = dict(senders)
        self._clock = clock
        self._attempts = attempts
        self._lease = timedelta(seconds=lease_seconds)
        self._holder = secrets.token_hex(8)
        self._lanes: dict[Lane, threading.Thread] = {}
        self._pauses: dict[Lane, tuple[int, datetime]] = {}
        self._faults = Faults(_log)

    @property
    def failing(self) -> dict[str, str]:
        """What kept which lane, or the outbox itself, from delivering at its last attempt; empty when all is well."""
        return self._faults.now

    def run_once(self) -> None:
        """Deliver what is due now, each lane in its own thread, and wait until all of them are through."""
        for thread in self._start_lanes():
            thread.join()

    def round(self) -> None:
        """Look at the outbox; deliver what is due, each lane in its own thread."""
        self._start_lanes()

    def stop(self) -> None:
        """End after the messages being sent; one that cannot be waited for is taken up by the next notifier."""
        deadline = time.monotonic() + STOP_SECONDS
        super().stop()
        for thread in self._lanes.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        for sender in self._senders.values():
            sender.close()

    def _start_lanes(self) -> list[threading.Thread]:
        """Start a thread for each lane with something due, unless it has one or pauses."""
        try:
            with self._database.reading() as tx:
                due = tx.outbox.lanes_due(self._tenants, self._clock())
        except PlacetError as error:
            self._report("the outbox", str(error))
            return []
        self._faults.mended("the outbox")
        for lane in due:
            running = self._lanes.get(lane)
            if self._pausing(lane) or (running is not None and running.is_alive()):
                continue
            # Daemons: one that hangs in a foreign system's silence must not hold the program.
            self._lanes[lane] = threading.Thread(target=self._work, args=(lane,), name=f"notify {lane}", daemon=True)
            self._lanes[lane].start()
        return [self._lanes[lane] for lane in due if lane in self._lanes]

    def _work(self, lane: Lane) -> None:
        try:
            while not (self._stopping.is_set() or self._pausing(lane)):
                if not self._deliver_next(lane):
                    return
        except PlacetError as error:
            self._report(_title(lane), str(error))
        except Exception:  # noqa: BLE001 - its message is tried again after the lease, its lane at the next look
            _log.exception("%s stopped at a notification", _title(lane))

    def _deliver_next(self, lane: Lane) -> bool:
        """Deliver one message of `lane`; return False when none is due."""
        now = self._clock()
        with self._database.transaction() as tx:
            message = tx.outbox.claim(lane, self._tenants, holder=self._holder, now=now, until=now + self._lease)
        if message is None:
            return False
        if message.attempts > self._attempts:
            # Whoever held it died each time, perhaps of this very message.
            self._fail(message, message.detail or "no attempt came back")
            return True
        try:
            self._sender(lane).send(message)
        except UpstreamRejected as error:
            self._well(lane)
            self._fail(message, str(error))
        except PlacetError as error:
            self._put_off(lane, message, error)
        except Exception as error:  # noqa: BLE001 - the message is tried again, and the log has the rest
            # A defect of ours or of a library: it costs this message its attempts, and the lane nothing.
            _log.exception("notification %s was not sent", message.notification_id)
            self._put_off(lane, message, PlacetError(f"unexpected {type(error).__name__}", code=DEFERRED))
        else:
            self._delivered(lane, message)
        return True

    def _delivered(self, lane: Lane, message: Notification) -> None:
        self._well(lane)
        now = self._clock()
        with self._database.transaction() as tx:
            if tx.outbox.delivered(message.notification_id, holder=self._holder, at=now):
                _record(tx, message, "notice.delivered", now)

    def _fail(self, message: Notification, detail: str) -> None:
        _log.error("notification %s to %r failed: %s", message.notification_id, message.recipient, detail)
        with self._database.transaction() as tx:
            if tx.outbox.failed(message.notification_id, holder=self._holder, detail=detail):
                _record(tx, message, "notice.failed", self._clock(), detail=detail)

    def _put_off(self, lane: Lane, message: Notification, error: PlacetError) -> None:
        now = self._clock()
        if error.code != DEFERRED:
            failures = self._pauses.get(lane, (0, now))[0] + 1
            self._pauses[lane] = (failures, now + _doubled(FIRST_PAUSE_SECONDS, failures, LONGEST_PAUSE_SECONDS))
            self._report(_title(lane), str(error))
        if message.attempts >= self._attempts:
            self._fail(message, str(error))
            return
        due = now + _doubled(FIRST_RETRY_SECONDS, message.attempts, LONGEST_RETRY_SECONDS)
        with self._database.transaction() as tx:
            tx.outbox.retry(message.notification_id, holder=self._holder, at=due, detail=str(error))

    def _sender(self, lane: Lane) -> Sender:
        absent = Unconfigured(f"{_title(lane)} is not configured here; see PLACET_NOTIFY_FILE and PLACET_SMTP_HOST")
        return self._senders.get(lane, absent)

    def _well(self, lane: Lane) -> None:
        self._pauses.pop(lane, None)
        self._faults.mended(_title(lane))

    def _pausing(self, lane: Lane) -> bool:
        pause = self._pauses.get(lane)
        return pause is not None and self._clock() < pause[1]

    def _report(self, where: str, fault: str) -> None:
        self._faults.tell(where, fault, f"{where} delivers no notifications: {fault}")


def _record(tx: Transaction, message: Notification, kind: RecordKind, at: datetime, **more: str) -> None:
    """Put what became of a message on the record: of its run, or where it is about a strategy, of its tenant."""
    body = {
        "notification": message_id(message),
        "occasion": message.occasion,
        "proposal": message.proposal,
        "channel": message.channel,
        "recipient": message.recipient,
        "role": message.role,
        "attempts": message.attempts,
        **more,
    }
    if message.run_id is None:
        of_strategy = {"strategy": message.strategy, "version": message.version, "occurrence": message.occurrence}
        tx.record_act(message.tenant, kind, "notifier", at, message_id(message), {**body, **of_strategy})
        return
    run = AnotherRun(message.run_id, message.tenant)
    tx.record(run, kind, actor="notifier", key=f"{kind}.{message_id(message)}", at=at, body=body)


def _doubled(first_seconds: float, times: int, most_seconds: float) -> timedelta:
    return timedelta(seconds=min(first_seconds * 2 ** min(times - 1, _MOST_DOUBLINGS), most_seconds))


def _title(lane: Lane) -> str:
    return lane.channel if lane.recipient is None else f"{lane.channel} {lane.recipient!r}"
