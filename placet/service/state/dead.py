"""Dead letters: what arrived and could not be taken, listed with its reason, and tried again after a fix."""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.events.envelope import Arrived
from placet.contracts.text import NAME, shortened
from placet.errors import UsageError
from placet.service.state.taking import Batch
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
from placet.storage.transaction import Transaction
from placet.tmf688.mapping import UNMAPPED, events_of

_PAGE = 200
_LOST = ("too_large", "unreadable")
"""Nothing can become of these: only a beginning is kept, or what was no event in the form in which it came."""
MOST_RETRIED = 1000
"""Letters of one call: whoever has a great many must not keep a server busy by one request."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of letters that were tried again.

    Attributes:
        taken: Are events now, and no letters any more.
        still: Cannot be taken still; their reason is the newest one.
        more: Whether there are letters that were not tried.
        last: Where there are more, the last letter that stayed, to go on after; None: begin at the first.
    """

    taken: int
    still: int
    more: bool = False
    last: str | None = None


def list_letters(
    database: Database, tenant: str, *, code: str | None = None, after: str | None = None, limit: int = 50
) -> tuple[DeadLetter, ...]:
    """Return letters, newest first; `after` ended the page before, `code` names one reason.

    Raises:
        UsageError: code `unknown_cursor`.
    """
    with database.reading() as tx:
        return tx.dead_letters.list(tenant, code=code, after=after, limit=limit)


def count_letters(database: Database, tenant: str) -> dict[str, int]:
    """Return how many letters there are of each reason."""
    with database.reading() as tx:
        return tx.dead_letters.counts(tenant)


def retry_letters(
    database: Database,
    tenant: str,
    letter_id: str | None,
    *,
    code: str | None = None,
    after: str | None = None,
    now: datetime,
    oldest: datetime,
) -> Retried:
    """Try one letter again, or `MOST_RETRIED`, or those of one reason; `after` ended the call before.

    Nothing is lost on the way: a letter goes when it is taken.

    Raises:
        UsageError: code `unknown_letter`; there is none of this id. Code `unknown_cursor`.
    """
    if letter_id is not None:
        with database.reading() as tx:
            found = tx.dead_letters.get(tenant, letter_id)
        if found is None:
            raise UsageError(
                f"no dead letter {shortened(letter_id, NAME)!r}; see `placet state deadletters list`",
                code="unknown_letter",
            )
        kept, _ = _retry(database, tenant, (found,), now, oldest)
        return Retried(1 - kept, kept)
    taken = still = 0
    page = list_letters(database, tenant, code=code, after=after, limit=_PAGE)
    while page:
        refused, stayed = _retry(database, tenant, page, now, oldest)
        taken, still = taken + len(page) - refused, still + refused
        # Those that were taken are gone: the page goes on after the last that stayed.
        after = stayed[-1] if stayed else after
        try:
            page = list_letters(database, tenant, code=code, after=after, limit=_PAGE)
        except UsageError:  # another call took that one meanwhile
            return Retried(taken, still, more=True)
        if page and taken + still >= MOST_RETRIED:
            return Retried(taken, still, more=True, last=after)
    return Retried(taken, still)


class _Gone(Exception):  # noqa: N818 - no error: the batch is taken again without it
    """A letter went while it was tried again: its customer was erased, or another call took it."""


def retry_mended(database: Database, tenant: str, *, now: datetime, oldest: datetime, limit: int = 200) -> int:
    """Try letters again whose key has become known since, at most `limit`; return how many there were."""
    with database.reading() as tx:
        mended = tx.dead_letters.mended(tenant, limit)
    if mended:
        _retry(database, tenant, mended, now, oldest)
    return len(mended)


def _retry(
    database: Database, tenant: str, letters: tuple[DeadLetter, ...], now: datetime, oldest: datetime
) -> tuple[int, list[str]]:
    """Take letters as events; return how many cannot be taken, and those that stayed, in the order given."""
    whole = tuple(letter for letter in letters if letter.code not in _LOST)
    done: tuple[set[str], set[str]] | None = None
    while done is None:
        try:
            done = _taken_again(database, tenant, whole, now, oldest)
        except _Gone:
            with database.reading() as tx:
                whole = tuple(one for one in whole if tx.dead_letters.get(tenant, one.letter_id) is not None)
    refused, stayed = done
    lost = {letter.letter_id for letter in letters if letter.code in _LOST}
    return len(refused | lost), [one.letter_id for one in letters if one.letter_id in stayed | lost]


def _taken_again(
    database: Database, tenant: str, letters: tuple[DeadLetter, ...], now: datetime, oldest: datetime
) -> tuple[set[str], set[str]]:
    """Take letters as events; each goes in the transaction that takes it: what was erased meanwhile does not come back.

    Returns:
        Those of which something cannot be taken still, and those of them that stayed: a notification that can be
        mapped by now is no letter any more, but an event of it may be one in its own right.

    Raises:
        _Gone: a letter is not there any more; nothing was done with it.
    """
    arrived = [(letter.letter_id, one) for letter in letters for one in _again(letter)]
    batch = Batch(tenant, [one for _, one in arrived], now, oldest)
    refused, stayed = set[str](), set[str]()
    for part in batch.parts(database):
        with database.transaction() as tx:
            told = [(arrived[place][0], outcome) for place, outcome in batch.insert(tx, part)]
            faults = {(letter_id, one.letter_id): one for letter_id, one in told if isinstance(one, DeadLetter)}
            refused |= {letter_id for letter_id, _ in faults}
            stayed |= {letter_id for letter_id, fault in faults if fault == letter_id}
            for (_, fault), one in sorted(faults.items(), key=lambda item: item[0][1]):
                keep = tx.dead_letters.say if fault in stayed else tx.dead_letters.add
                keep(one)
            _drop(tx, tenant, {letter_id for letter_id, _ in told} - stayed)
    nothing = {letter.letter_id for letter in letters} - {letter_id for letter_id, _ in arrived}
    with database.transaction() as tx:
        _drop(tx, tenant, nothing)
    return refused, stayed


def _drop(tx: Transaction, tenant: str, letters: set[str]) -> None:
    for letter_id in sorted(letters):
        if not tx.dead_letters.drop(tenant, letter_id):
            raise _Gone


def _again(letter: DeadLetter) -> list[Arrived]:
    """Return what is tried: an event as it arrived, or the events of a notification of the BSS.

    By what it could not be taken as, and not by what it looks like: who may send the one may not send the other.
    """
    return events_of(letter.content) if letter.code == UNMAPPED else [letter.content]
