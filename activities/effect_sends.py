"""What the record says of an effect's requests: each is counted there before it leaves, and what came of it after.

`execute.sending`  a request is about to leave: its number among those of this effect
`execute.not_sent` no byte of it left after all, so that its number is given back
`execute.doubted`  it left, and no answer says for certain what became of it
`execute.waiting`  an attempt ended without a result: why, and when the next one looks
The ledger counts the same requests; where the two differ, the larger number holds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from placet.contracts.run import RunRequest
from placet.plugin_api.sending import CountedSend
from placet.storage.transaction import Transaction

SENDING: Final = "execute.sending"
NOT_SENT: Final = "execute.not_sent"
DOUBTED: Final = "execute.doubted"
WAITING: Final = "execute.waiting"


@dataclass(frozen=True, slots=True)
class Sends:
    """The requests of one effect so far.

    Attributes:
        count: How many left, or may have.
        first_at: When the first was counted; None where none was.
        last_at: When the last was.
        last_status: What the last was answered with, where an answer came that decides nothing.
    """

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    last_status: int | None = None

    def unsettled(self, now: datetime, settle_seconds: float) -> bool:
        """Return whether the other system may still book, or not show yet, what was sent last."""
        return self.last_at is not None and now < self.last_at + timedelta(seconds=settle_seconds)


def sends_on_record(tx: Transaction, run: RunRequest, effect_key: str, counted: int, claimed_at: datetime) -> Sends:
    """Read an effect's requests from the run's record; `counted` is the ledger's number."""
    entries = [entry for entry in tx.audit.read(run.run_id) if entry.body.get("effect_key") == effect_key]
    taken_back = {entry.body["holder"] for entry in entries if entry.kind == NOT_SENT}
    sent = [entry for entry in entries if entry.kind == SENDING and entry.body["holder"] not in taken_back]
    if not sent:
        # A number without an entry is of no request we know of: it counts from the beginning.
        return Sends(counted, claimed_at, claimed_at) if counted else Sends()
    last = sent[-1]
    doubts = [entry for entry in entries if entry.kind == DOUBTED and entry.body["holder"] == last.body["holder"]]
    status = doubts[-1].body["status"] if doubts else None
    return Sends(max(counted, len(sent)), sent[0].at, last.at, status)


def record_sending(tx: Transaction, run: RunRequest, effect_key: str, holder: str, number: int, at: datetime) -> None:
    """Record that request `number` of an effect is about to leave; commit before it does."""
    body = {"effect_key": effect_key, "holder": holder, "number": number}
    tx.record(run, SENDING, actor="worker", at=at, key=f"{SENDING}.{holder}", body=body)


def record_not_sent(tx: Transaction, run: RunRequest, effect_key: str, holder: str, why: str, at: datetime) -> None:
    """Record that no byte of the request that `holder` counted left."""
    body = {"effect_key": effect_key, "holder": holder, "detail": why}
    tx.record(run, NOT_SENT, actor="worker", at=at, key=f"{NOT_SENT}.{holder}", body=body)


def doubt(send: CountedSend, number: int, why: str) -> dict[str, object]:
    """Return what is recorded of a request that left and whose outcome is open."""
    return {"number": number, "status": send.status, "detail": why}
