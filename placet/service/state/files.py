"""Events from a file or a pipe: JSON lines, of any number and any length."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Final

from placet.contracts.events.envelope import MOST_EVENT_BYTES
from placet.service.state.taking import MOST_IN_A_BATCH, take_events
from placet.storage.database import Database

_CHUNK: Final = 65_536


@dataclass(slots=True)
class LinesTaken:
    """What became of lines.

    Attributes:
        refused: How many could not be taken, by reason.
        reasons: The first such line's reason in words, by reason; `lines` says which line it was.
    """

    accepted: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def take_lines(database: Database, tenant: str, lines: IO[bytes], *, now: datetime, oldest: datetime) -> LinesTaken:
    """Take events in, a line each, in transactions of `MOST_IN_A_BATCH`; empty lines are none.

    Memory does not grow with the file. Whoever is interrupted sends the file again: what was taken counts once.

    Raises:
        StorageError: the database does not answer; the batches before are taken.
    """
    done, batch = LinesTaken(), dict[int, bytes]()
    for number, line in bounded_lines(lines):
        batch[number] = line
        if len(batch) == MOST_IN_A_BATCH:
            _take(database, tenant, batch, now, oldest, done)
            batch.clear()
    _take(database, tenant, batch, now, oldest, done)
    return done


def bounded_lines(lines: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that hold something, and which they are, from 1 on.

    Of one that is longer than any event, its beginning: too long to be one.
    """
    number = 0
    while line := lines.readline(MOST_EVENT_BYTES + 2):
        number += 1
        if len(line) > MOST_EVENT_BYTES + 1 and not line.endswith(b"\n"):
            while (rest := lines.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
            yield number, line  # with its spaces: without them its beginning might be a whole event
        elif text := line.strip():
            yield number, text


def _take(
    database: Database, tenant: str, batch: dict[int, bytes], now: datetime, oldest: datetime, done: LinesTaken
) -> None:
    if not batch:
        return
    taken = take_events(database, tenant, list(batch.values()), now=now, oldest=oldest)
    done.accepted += taken.accepted
    done.repeated += taken.repeated
    for letter in taken.refused:
        done.refused[letter.code] += 1
        if letter.code not in done.reasons:
            done.reasons[letter.code] = letter.reason
            # A letter keeps no more than an event may have.
            same = (number for number, line in batch.items() if line[:MOST_EVENT_BYTES] == letter.content)
            done.lines[letter.code] = next(same, min(batch))
