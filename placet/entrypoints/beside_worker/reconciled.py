"""What a pass of the reconciler finds."""

from dataclasses import dataclass
from typing import Literal

Found = Literal["started", "ended", "parked", "parked_before", "lost", "foreign", "stuck", "told", "refused"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found of one run, or of one rollout.

    Attributes:
        run_id: The run, or the workflow of the rollout.
        found: `parked_before`: it waits for a person already, and its workflow is gone: reset it in Temporal to settle
            it. `lost`: this is not the Temporal that had it. `foreign`: a workflow that is not ours bears its id.
            `stuck`: its workflow does not get on: by a defect, by what a stranger answered in a worker's stead or
            paused, or since a step fails again and again.
            `told`: an order that a rollout had not heard of.
            `refused`: the ledger shows an effect that the record does not, or nobody requested the run on the record.
    """

    run_id: str
    found: Found
    detail: str
