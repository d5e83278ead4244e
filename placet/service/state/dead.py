"""Dead letters: what arrived and could not be taken, listed with its reason, and tried again after a fix."""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.text import NAME, shortened
from placet.errors import UsageError
from placet.service.state.taking import Batch
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter

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
        kept = len(_retry(database, tenant, (found,), now, oldest))
        return Retried(1 - kept, kept)
    taken = still = 0
    page = list_letters(database, tenant, code=code, after=after, limit=_PAGE)
    while page:
        stayed = _retry(database, tenant, page, now, oldest)
        taken, still = taken + len(page) - len(stayed), still + len(stayed)
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


def _retry(
    database: Database, tenant: str, letters: tuple[DeadLetter, ...], now: datetime, oldest: datetime
) -> list[str]:
    """Take letters as events; return those that stayed, in the order given."""
    whole = tuple(letter for letter in letters if letter.code not in _LOST)
    refused: set[str] | None = None
    while refused is None:
        try:
            refused = _taken_again(database, tenant, whole, now, oldest)
        except _Gone:
            with database.reading() as tx:
                whole = tuple(one for one in whole if tx.dead_letters.get(tenant, one.letter_id) is not None)
    return [one.letter_id for one in letters if one.code in _LOST or one.letter_id in refused]


def _taken_again(
    database: Database, tenant: str, letters: tuple[DeadLetter, ...], now: datetime, oldest: datetime
) -> set[str]:
    """Take letters as events in one transaction: what was erased before it ends does not come back.

    Returns:
        Those that cannot be taken still.

    Raises:
        _Gone: a letter is not there any more; nothing was done.
    """
    batch = Batch(tenant, [letter.content for letter in letters], now, oldest)
    refused = set[str]()
    with database.transaction() as tx:
        outcomes = dict(zip((letter.letter_id for letter in letters), batch.insert(tx), strict=True))
        for letter_id, outcome in sorted(outcomes.items()):
            if isinstance(outcome, DeadLetter):
                refused.add(letter_id)
                tx.dead_letters.say(outcome)
            elif not tx.dead_letters.drop(tenant, letter_id):
                raise _Gone
    return refused
