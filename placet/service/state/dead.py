"""Dead letters: what arrived and could not be taken, listed with its reason, and tried again after a fix."""

from dataclasses import dataclass
from datetime import datetime

from placet.contracts.text import NAME, shortened
from placet.errors import UsageError
from placet.service.state.taking import take_events
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter

_PAGE = 200
MOST_RETRIED = 1000
"""Letters of one call: whoever has a great many must not keep a server busy by one request."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of letters that were tried again.

    Attributes:
        taken: Are events now, and no letters any more.
        still: Cannot be taken still; their reason is the newest one.
        more: Whether there are letters that were not tried: go on after `last`.
        last: The last letter that stayed; None where none did.
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
        return _retry(database, tenant, (found,), now, oldest)
    taken = still = 0
    while page := list_letters(database, tenant, code=code, after=after, limit=_PAGE):
        done = _retry(database, tenant, page, now, oldest)
        taken, still = taken + done.taken, still + done.still
        # Those that were taken are gone: the page goes on after the last that stayed.
        after = _last_that_stayed(database, tenant, page, after)
        if len(page) < _PAGE:
            break
        if taken + still >= MOST_RETRIED:
            return Retried(taken, still, more=True, last=after)
    return Retried(taken, still, last=after)


def retry_mended(database: Database, tenant: str, *, now: datetime, oldest: datetime, limit: int = 200) -> int:
    """Try letters again whose key has become known since, at most `limit`; return how many there were."""
    with database.reading() as tx:
        mended = tx.dead_letters.mended(tenant, limit)
    if mended:
        _retry(database, tenant, mended, now, oldest)
    return len(mended)


def _retry(
    database: Database, tenant: str, letters: tuple[DeadLetter, ...], now: datetime, oldest: datetime
) -> Retried:
    # Of what was too large only the beginning is kept: nothing can become of it.
    whole = [letter for letter in letters if letter.code != "too_large"]
    refused = {
        letter.letter_id
        for letter in take_events(
            database, tenant, [letter.content for letter in whole], now=now, oldest=oldest
        ).refused
    }
    with database.transaction() as tx:
        for letter in whole:
            if letter.letter_id not in refused:
                tx.dead_letters.drop(tenant, letter.letter_id)
    taken = sum(one.letter_id not in refused for one in whole)
    return Retried(taken, len(letters) - taken)


def _last_that_stayed(database: Database, tenant: str, page: tuple[DeadLetter, ...], before: str | None) -> str | None:
    with database.reading() as tx:
        stayed = [one.letter_id for one in page if tx.dead_letters.get(tenant, one.letter_id) is not None]
    return stayed[-1] if stayed else before
