"""Which run may be reversed: one that executed, is no reversal itself, and is not being or been reversed."""

from collections.abc import Iterable
from typing import Final

from placet.contracts.run import END_STATES, RunRequest, RunState
from placet.contracts.text import spoken
from placet.errors import GovernanceError

KEY_PREFIX = "reverse/"
"""How the run keys of reversals begin, and of no other runs."""

REQUESTED: Final = "run.reversal_requested"
"""Entry on the original's stream: who wants it taken back, by which run, and why."""
REVERSED: Final = "run.reversed"
"""Entry on the original's stream: that run executed."""


def step_key(kind: str, reversal: str) -> str:
    """Return the key of an entry on the original's stream: each of its reversals leaves one of a kind."""
    return f"{kind}.{reversal}"


def check_reversible(original: RunRequest, state: RunState, earlier: Iterable[tuple[str, RunState]]) -> None:
    """Pass for a run that may be reversed now.

    Args:
        original: The run to take back.
        state: Where it stands.
        earlier: Its other reversals, with where each stands. One that ended without executing changed nothing.

    Raises:
        GovernanceError: code `not_executed`, `is_reversal`, `already_reversed` or `reversal_under_way`.
    """
    if original.reverses is not None:
        raise GovernanceError(
            f"run {original.run_id!r} is itself the reversal of {original.reverses!r}; "
            "to do again what that run did, start a new run",
            code="is_reversal",
        )
    if state != "executed":
        raise GovernanceError(
            f"run {original.run_id!r} is {spoken(state)}; only what a run executed can be taken back",
            code="not_executed",
        )
    for run_id, stands in earlier:
        if stands == "executed":
            raise GovernanceError(
                f"run {original.run_id!r} was already reversed by {run_id!r}", code="already_reversed"
            )
        if stands not in END_STATES:
            raise GovernanceError(
                f"run {original.run_id!r} is being reversed by {run_id!r}, which is {spoken(stands)}",
                code="reversal_under_way",
            )
