"""What every activity is given, and the boundary each one is wrapped in."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.heartbeat import HEARTBEATS
from agents.application import Application
from agents.completion import Exchange, Inference, NoModelAnsweredError
from placet.contracts.audit import AuditEvent
from placet.contracts.proposal import Proposal
from placet.contracts.run import EndState, RunRequest
from placet.errors import GovernanceError, PlacetError, StorageError
from placet.governance.address_book import AddressBook
from placet.governance.policy import PolicySet
from placet.plugin_api.protocols import MutatePlugin, ReadPlugin
from placet.storage.database import Database, Transaction

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Context:
    """The seams of a worker; the composition root fills them, tests may fill them otherwise.

    Attributes:
        application: Loads a hosted application by name; raises `UsageError` for an unknown one.
        policies: The policy set in force for a tenant and agent, read again at every question; raises `PolicyError`.
        addresses: Who is told that a gate waits for them.
        worker: Identity of this worker process, holder of the effects it attempts.
        effect_lease_seconds: How long one attempt owns an effect. Longer than any request of it can be under way.
        effect_attempts: Attempts before an outcome is held as unknown.
        mutation_timeout_seconds: Client timeout of one mutation request.
    """

    database: Database
    billing: ReadPlugin
    commerce: MutatePlugin
    inference: Inference
    application: Callable[[str], Application]
    policies: Callable[[str, str], PolicySet]
    addresses: AddressBook
    tenants: frozenset[str]
    clock: Callable[[], datetime]
    worker: str
    effect_lease_seconds: float
    effect_attempts: int
    mutation_timeout_seconds: float

    @contextmanager
    def step(self, run: RunRequest) -> Iterator[None]:
        """The boundary of an activity: our errors become Temporal's, retryable ones noted on the run meanwhile."""
        try:
            with HEARTBEATS.beating():
                yield
        except PlacetError as error:
            if error.retryable:
                self._note(run, error)
            raise ApplicationError(str(error), type=error.code, non_retryable=not error.retryable) from error
        except (ApplicationError, CancelledError):
            raise
        except Exception as error:
            # A defect of ours or of a library: its message may quote the customer's record, its name does not.
            raise ApplicationError(
                f"unexpected {type(error).__name__}; see the worker's log", type="step_failed"
            ) from error

    def recorded(self, run: RunRequest, step_key: str) -> AuditEvent | None:
        """The entry an earlier attempt of this step left, so that a step whose answer was lost is not done again."""
        with self.database.reading() as tx:
            return tx.audit.find(run.run_id, step_key)

    def artifact(self, run: RunRequest, digest: str, kind: type[M]) -> M:
        """Fetch a document of the run's tenant; its content is checked against its digest."""
        with self.database.reading() as tx:
            return tx.artifacts.get_model(digest, kind, tenant=run.tenant)

    def proposal(self, run: RunRequest, digest: str, tx: Transaction | None = None) -> Proposal:
        """Fetch the run's own proposal, within `tx` where one is open.

        Raises:
            GovernanceError: the document is another run's.
        """
        if tx is None:
            proposal = self.artifact(run, digest, Proposal)
        else:
            proposal = tx.artifacts.get_model(digest, Proposal, tenant=run.tenant)
        if (proposal.run_id, proposal.tenant, proposal.agent) != (run.run_id, run.tenant, run.agent):
            raise GovernanceError(
                f"proposal {digest!r} is of {proposal.run_id!r}, not {run.run_id!r}", code="wrong_run"
            )
        return proposal

    def _note(self, run: RunRequest, error: PlacetError) -> None:
        try:
            with self.database.transaction() as tx:
                tx.runs.set_detail(run.run_id, f"retrying: {error}", at=self.clock())
        except StorageError:
            return  # the database itself is what is unwell; the attempt's own error says so


def milliseconds_since(began: float) -> int:
    """Whole milliseconds since the monotonic time `began`, for the record."""
    return int((time.monotonic() - began) * 1000)


def record(
    tx: Transaction, run: RunRequest, kind: str, *, actor: str, at: datetime, body: dict[str, Any], key: str = ""
) -> AuditEvent:
    """Append one entry to the run's stream, once per step key (the kind, where it occurs once in a run)."""
    return tx.audit.append(
        stream=run.run_id,
        tenant=run.tenant,
        run_id=run.run_id,
        kind=kind,
        actor=actor,
        step_key=key or kind,
        at=at,
        body=body,
    )


def end(tx: Transaction, run: RunRequest, state: EndState, code: str, detail: str, at: datetime) -> None:
    """Record the end of a run, or its parking."""
    record(
        tx,
        run,
        "run.parked" if state == "unknown_outcome" else "run.ended",
        actor="worker",
        at=at,
        body={"state": state, "code": code, "detail": detail},
    )


@contextmanager
def unanswered_recorded(context: Context, run: RunRequest, step: str) -> Iterator[None]:
    """Record the attempts of a step that got no valid answer from any model; the error goes on to Temporal."""
    try:
        yield
    except NoModelAnsweredError as error:
        attempt = activity.info().attempt
        with context.database.transaction() as tx:
            keep_exchanges(tx, run, error.exchanges)
            record(
                tx,
                run,
                f"{step}.unanswered",
                actor=f"agent:{run.agent}",
                at=context.clock(),
                key=f"{step}.unanswered.{attempt}",
                body={
                    "attempt": attempt,
                    "model_use": [use.model_dump(mode="json") for use in error.attempts],
                    "detail": str(error),
                },
            )
        raise


def keep_exchanges(tx: Transaction, run: RunRequest, exchanges: tuple[Exchange, ...]) -> None:
    """Store prompts and completions under the digests that the record of model use names."""
    for exchange in exchanges:
        tx.artifacts.put(run.tenant, "text/plain", exchange.prompt.encode())
        if exchange.completion is not None:
            tx.artifacts.put(run.tenant, "text/plain", exchange.completion.encode())
