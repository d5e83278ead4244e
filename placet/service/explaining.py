"""Why policy answered as it did about a run, as every interface says it."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from placet.contracts.proposal import Proposal
from placet.errors import PolicyError, UsageError
from placet.governance.policy.authoring.explain import RunExplained, explain_run
from placet.governance.policy.set import PolicySet
from placet.service.runs import find_run
from placet.storage.database import Database

_KEPT: Final = 32
"""Sets that are kept as parsed; each has some hundred kilobytes."""


@lru_cache(maxsize=_KEPT)
def _parsed(document: bytes) -> PolicySet:
    """Return the set that a document is. Parsing one costs some 10 ms; a set never changes, and threads share it."""
    return PolicySet.from_document(document)


def explain_policy(database: Database, tenant: str, run_id: str, policies: Callable[[str], PolicySet]) -> RunExplained:
    """Explain a run's gate and each of its decisions, and who could decide it now.

    Args:
        database: Where the run is.
        tenant: Whose.
        run_id: The run.
        policies: The set in force for an agent; raises `PolicyError`.

    Raises:
        UsageError: there is no such run, or it has no proposal: policy was not asked.
    """
    record = find_run(database, run_id, tenant)
    if record.proposal is None:
        raise UsageError(
            f"run {run_id!r} is {record.state!r} and has no proposal: policy was not asked", code="no_proposal"
        )

    def stored(version: str) -> PolicySet | None:
        try:
            with database.reading() as tx:
                return _parsed(tx.artifacts.get(version, tenant=tenant))
        except UsageError:
            return None  # never kept, or erased since

    def proposed(digest: str) -> Proposal | None:
        try:
            with database.reading() as tx:
                return tx.artifacts.get_model(digest, Proposal, tenant=tenant)
        except UsageError:
            return None  # erased since

    try:
        current: PolicySet | PolicyError = policies(record.agent)
    except PolicyError as error:
        current = error
    with database.reading() as tx:
        proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=tenant)
        events, keys = tx.audit.read(run_id), tx.approvers.list(tenant)
        now = datetime.now(UTC)
        delegations = [one for one in tx.delegations.list(tenant) if tx.delegations.signed(one, now)]
    return explain_run(
        run_id=run_id,
        state=record.state,
        proposal=proposal,
        waits=record.proposal,
        proposals=proposed,
        events=events,
        stored=stored,
        current=current,
        keys=keys,
        delegations=delegations,
        now=now,
    )
