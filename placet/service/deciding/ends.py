"""What became of runs after their approvals counted: an accepted decision is no effect yet."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from placet.contracts.run import END_STATES
from placet.contracts.text import spoken
from placet.storage.database import Database

PATIENCE: Final = 5.0
"""Seconds for which nothing new is heard before whoever waits is told that the rest goes on."""
_POLL_SECONDS: Final = 0.1
_REST: Final = 4
_UNKNOWN: Final = "unknown_outcome"


class Became(NamedTuple):
    """What became of one run.

    Attributes:
        state: Its state; one that is not an end while it goes on.
        code: Why it ended without its effect; empty where it did not.
        detail: The same in a sentence.
    """

    run_id: str
    state: str
    code: str
    detail: str

    @property
    def over(self) -> bool:
        """Whether nothing more is done by itself."""
        return self.state in END_STATES or self.state == _UNKNOWN


async def what_became(database: Database, run_ids: Sequence[str], patience: float = PATIENCE) -> tuple[Became, ...]:
    """Return what became of some runs, in their order, when all are over or nothing was heard for a while."""
    clock = asyncio.get_running_loop().time
    found, seen = dict[str, Became](), clock()
    while True:
        began = clock()
        now = await asyncio.to_thread(_look, database, [one for one in run_ids if not _is_over(found, one)])
        if any(found.get(run_id) != one for run_id, one in now.items()):
            seen = clock()
        found |= now
        if all(_is_over(found, one) for one in run_ids) or clock() > seen + patience:
            return tuple(found[run_id] for run_id in run_ids if run_id in found)
        await asyncio.sleep(max(_POLL_SECONDS, _REST * (clock() - began)))


def summary(became: Sequence[Became]) -> str:
    """Say how many ended how: `2 executed, 1 denied, 1 under way`."""
    many = Counter(spoken(one.state) if one.over else "under way" for one in became)
    return ", ".join(f"{number} {words}" for words, number in many.items())


def _is_over(found: Mapping[str, Became], run_id: str) -> bool:
    return run_id in found and found[run_id].over


def _look(database: Database, run_ids: Sequence[str]) -> dict[str, Became]:
    with database.reading() as tx:
        records = [record for run_id in run_ids if (record := tx.runs.get(run_id)) is not None]
    return {one.run_id: Became(one.run_id, one.state, one.code or "", one.detail or "") for one in records}
