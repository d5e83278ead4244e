"""Where a run stands by its record. Its row only projects that: nothing that may lead to an effect rests on the row."""

from typing import cast

from placet.contracts.audit import ENDED
from placet.contracts.run import OPEN_STATES, RunState
from placet.storage.database import Transaction
from placet.storage.records import RunRecord


def is_over(tx: Transaction, run_id: str) -> bool:
    """Whether the run's end is on record."""
    return tx.audit.find(run_id, ENDED) is not None


def state_on_record(tx: Transaction, run: RunRecord) -> RunState:
    """Return how the run ended by its record; what its row says of the way there, where no end is on record."""
    ended = tx.audit.find(run.run_id, ENDED)
    if ended is not None:
        return cast("RunState", ended.body["state"])
    return run.state if run.state in OPEN_STATES else "analysing"
