"""Who may ask for a step: the run's own workflow, for a run that was requested on our record before (docs/adr/0027).

Whoever reaches Temporal can schedule an activity from a workflow of their own. Its input is refused by the codec, since
it was not sealed for that workflow; this is the second lock, and the only one where the payload key itself got out.
"""

import threading
from collections import OrderedDict

from temporalio import activity

from placet.contracts.run import RunRequest
from placet.errors import GovernanceError
from placet.storage.database import Database
from placet.storage.standing import request_on_record

WORKFLOW = "GovernedRun"
LOCAL = frozenset({"open_gate", "mark_gate", "review_decisions", "close_run"})
"""Steps that run within a workflow task of this very worker; nobody else's workflow can ask for them."""
LOCAL_FIRST = frozenset({"query_billing", "execute"})
"""Steps that are tried there first, and given to the task queue where that does not suffice."""

_KEPT = 1_000
"""Runs whose request is known to be the recorded one; a request never changes. Twice the runs that a worker keeps."""


class Admission:
    """Admits a step, or refuses it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, RunRequest] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, run: RunRequest) -> None:
        """Make sure that this activity was asked for by the workflow of `run`, and that `run` is what was requested.

        Raises:
            GovernanceError: it was not; nothing was read or written for it.
            StorageError: the record cannot be asked.
        """
        self.check_caller(run)
        if self._recorded(run.run_id) != run:
            raise GovernanceError(
                f"run {run.run_id!r} was requested otherwise than this workflow says; nothing is done for it",
                code="not_requested",
            )

    def check_caller(self, run: RunRequest) -> None:
        """Make sure that the workflow is of our type, bears the run's id and runs this step where it belongs."""
        info = activity.info()
        ours = (info.workflow_type, info.workflow_id) == (WORKFLOW, run.run_id)
        placed = info.activity_type in LOCAL_FIRST or info.is_local == (info.activity_type in LOCAL)
        if not ours or not placed:
            raise GovernanceError(
                f"step {info.activity_type!r} of run {run.run_id!r} was asked for by workflow {info.workflow_id!r} "
                f"of type {info.workflow_type!r}; nothing is done for it",
                code="foreign_workflow",
            )

    def _recorded(self, run_id: str) -> RunRequest:
        with self._lock:
            known = self._known.get(run_id)
        if known is None:
            known = self._read(run_id)
            with self._lock:
                self._known[run_id] = known
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return known

    def _read(self, run_id: str) -> RunRequest:
        with self._database.reading() as tx:
            requested = request_on_record(tx, run_id)  # the entry: a row alone is nobody's request
        if requested is None:
            raise GovernanceError(
                f"run {run_id!r} was never requested; start it with `placet run start` or the HTTP API",
                code="not_requested",
            )
        return requested
