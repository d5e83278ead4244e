"""Whose a key is, by what sources declared, and the dead letters that waited for one to become known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from placet.contracts.identity.keys import Identified, KeyWord
from placet.decisioning.identity.keys import normalised
from placet.decisioning.identity.resolving import resolve
from placet.errors import StorageError, UsageError
from placet.service.state.current import fold_pending
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others

_SAYING: Final = ("placet.key.declared.v1", "placet.device.seen.v1", "placet.event.corrected.v1")
"""Kinds of event after which a key may be somebody's, or nobody's any more."""

_MOST_FOLDED: Final = 1000
"""Customers who are folded first, because an event of theirs that waits may say so. A loop folds the rest."""


def identify(database: Database, tenant: str, text: str, at: datetime) -> Identified:
    """Return whose key this is at a time, or why it is nobody's.

    Args:
        database: Where keys are kept.
        tenant: Whose customers are asked; those of another tenant are not known here.
        text: The key, as a person wrote it.
        at: The time.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
        UsageError: code `malformed`; it is no key.
    """
    try:
        key = normalised(text)
    except ValueError as error:
        raise UsageError(str(error), code="malformed") from error
    return resolve(key, words_on(database, tenant, [key])[key], at)


def words_on(database: Database, tenant: str, keys: Sequence[str]) -> Mapping[str, Sequence[KeyWord]]:
    """Return what is known of each key by now, the events that wait to be folded included.

    Raises:
        StorageError: the database does not answer, or a row is unreadable.
    """
    fold_sayings(database, tenant)
    found: dict[str, list[KeyWord]] = {key: [] for key in keys}
    with database.reading() as tx:
        for word in tx.keys.of_keys(tenant, sorted(found)):
            found[word.key].append(word)
    return found


def fold_sayings(database: Database, tenant: str) -> None:
    """Fold the customers of whom an event waits that may say something of a key.

    Raises:
        StorageError: the database does not answer.
    """
    with database.reading() as tx:
        waiting = tx.events.waiting_of_kinds(tenant, _SAYING, _MOST_FOLDED)
    for customer_id in sorted(waiting):
        try:
            with database.transaction() as tx:
                fold_pending(tx, tenant, customer_id)
        except StorageError as error:
            pass_on_others(error)  # a row of one customer that cannot be read is for the loop to tell
