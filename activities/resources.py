"""What every activity is given, and the boundary each one is wrapped in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.admission import Admission
from activities.heartbeat import HEARTBEATS
from agents.application import Application
from agents.likelihood import LikelihoodSource
from agents.model_calls.completion import Inference, NoModelAnsweredError
from placet.contracts.analysis.outcome import Exchange
from placet.contracts.audit import RecordKind
from placet.contracts.billing import Evidence
from placet.contracts.customer import Declared
from placet.contracts.gate import GateTerms
from placet.contracts.run import RunRequest
from placet.contracts.state import CustomerState
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from placet.errors import PlacetError, PluginError, StorageError, UsageError
from placet.gate.context import GateContext
from placet.network.deadline import within
from placet.plugin_api.protocols import MutatePlugin
from placet.storage.transaction import Transaction

M = TypeVar("M", bound=BaseModel)

# Well below the time in which Temporal wants a workflow task answered (10 s), and below workflows.options.
_LOCAL_SECONDS = 2.0

_BASIS_POINTS = 100
"""Of a per cent."""


class RolloutSteps(Protocol):
    """What the steps of rollouts do; `placet.service.rollouts.stepping` implements it."""

    def check_asked(self, asked: RolloutAsked) -> None:
        """Make sure that somebody started this rollout, by the record."""

    def stand(self, asked: RolloutAsked) -> RolloutStep:
        """Return where a rollout stands, and write it into its row."""

    def batch(self, asked: RolloutAsked) -> tuple[RunRequest | JourneyAsked, ...]:
        """Record the runs that are to be started next; where the strategy has steps, the journeys."""

    def note(self, asked: RolloutAsked, requests: Sequence[RunRequest | JourneyAsked]) -> None:
        """Note that runs or journeys were started."""

    def unheard(self, asked: RolloutAsked, before: datetime) -> str | None:
        """Return which order of before a time a rollout has not followed."""

    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, and do what follows."""


class Turn(Protocol):
    """What a look at a journey came to."""

    @property
    def look(self) -> JourneyLook:
        """Where it stands."""

    @property
    def request(self) -> RunRequest | None:
        """A run that is to be started, on record already."""


class JourneySteps(Protocol):
    """What the steps of journeys do; `placet.service.journeys.stepping` implements it."""

    def look(self, asked: JourneyAsked) -> Turn:
        """Look at one customer: record what follows, and return when to look again and which run to start."""


@dataclass(frozen=True, slots=True)
class WorkerResources(GateContext):
    """The seams of a worker; the composition root fills them, tests may fill them otherwise.

    Attributes:
        admission: Refuses a step that the run's own workflow did not ask for.
        application: Loads a hosted application by name; raises `UsageError` for an unknown one.
        live_state: Returns a customer's live state, by tenant and customer id, as of now.
        rollouts: What the steps of rollouts do.
        journeys: What the steps of journeys do.
        likelihood: Returns what a tenant's runs take the probability of leaving from; None where nothing is configured.
        worker: Identity of this worker process, holder of the effects it attempts.
        effect_lease_seconds: How long one attempt owns an effect. Longer than any request of it can be under way.
        effect_attempts: Attempts before an outcome that cannot be read back is held as unknown.
        effect_settle_seconds: How long after a request the other system may still book it, or not show it yet.
        effect_sends: Requests of one effect that may ever leave; 1 never sends again.
        mutation_timeout_seconds: Client timeout of one mutation request.
    """

    admission: Admission
    commerce: MutatePlugin
    inference: Inference
    application: Callable[[str], Application]
    live_state: Callable[[str, str], CustomerState]
    rollouts: RolloutSteps
    journeys: JourneySteps
    likelihood: Callable[[str], LikelihoodSource | None]
    worker: str
    effect_lease_seconds: float
    effect_attempts: int
    effect_settle_seconds: float
    effect_sends: int
    mutation_timeout_seconds: float

    def terms(self, agent: str) -> GateTerms:
        """Return the gate's terms where policy leaves them open: the application's role and time."""
        application = self.application(agent)
        seconds = round(application.gate_ttl_hours * 3600)
        return GateTerms(roles=(application.gate_role,), expire_after=max(seconds, 1))

    def declared(self, agent: str) -> Declared:
        """Return what the application tells customers apart by."""
        return self.application(agent).facts

    def leaving(self, tenant: str, evidence: Evidence, state: CustomerState) -> int | None:
        """Return how likely the customer leaves by what a run read, in per cent; None where nothing says it."""
        source = self.likelihood(tenant)
        if source is None:
            return None
        try:
            return source.read(evidence, state).probability_bp // _BASIS_POINTS
        except UsageError:
            return None

    @contextmanager
    def step(self, run: RunRequest) -> Iterator[None]:
        """Run an activity's body: admit it, turn our errors into Temporal's, and note retryable ones on the run."""
        try:
            self.admission.check(run)
            with HEARTBEATS.beating():
                yield
        except PlacetError as error:
            if error.retryable:
                self._note(run, str(error))
            hint = error.retry_after_seconds if isinstance(error, PluginError) else None
            raise ApplicationError(
                str(error),
                type=error.code,
                non_retryable=not error.retryable,
                next_retry_delay=timedelta(seconds=hint) if hint else None,
            ) from error
        except (ApplicationError, CancelledError):
            raise
        except Exception as error:
            # A defect of ours or of a library: its message may quote the customer's record, its name does not.
            said = f"unexpected {type(error).__name__}; see the worker's log"
            self._note(run, said)
            raise ApplicationError(said, type="step_failed") from error

    def _note(self, run: RunRequest, why: str) -> None:
        try:
            with self.database.transaction() as tx:
                tx.runs.set_detail(run.run_id, f"retrying: {why}", at=self.clock())
        except StorageError:
            return  # the database itself is what is unwell; the attempt's own error says so


@contextmanager
def read_in_time() -> Iterator[None]:
    """Bound the reads of a local attempt, which holds a workflow task: a slow system is for a regular one."""
    with within(_LOCAL_SECONDS) if activity.info().is_local else nullcontext():
        yield


@contextmanager
def unanswered_recorded(context: WorkerResources, run: RunRequest, kind: RecordKind) -> Iterator[None]:
    """Record the attempts of a step that got no valid answer from any model; the error goes on to Temporal."""
    try:
        yield
    except NoModelAnsweredError as error:
        attempt = activity.info().attempt
        with context.database.transaction() as tx:
            keep_exchanges(tx, run, error.exchanges)
            tx.record(
                run,
                kind,
                actor=f"agent:{run.agent}",
                at=context.clock(),
                key=f"{kind}.{attempt}",
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
        tx.artifacts.put(run.tenant, "text/plain", _bytes(exchange.prompt))
        if exchange.completion is not None:
            tx.artifacts.put(run.tenant, "text/plain", _bytes(exchange.completion))


def _bytes(text: str) -> bytes:
    # As the record of model use hashes it (`agents.model_calls.attempts`): a model may answer with a lone surrogate,
    # which must not keep the step from being recorded, and so have it tried for ever.
    return text.encode("utf-8", "surrogatepass")
