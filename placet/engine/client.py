"""The Temporal side of every interface: connect, start a run by name, signal, query. Payloads are sealed.

Workflows are started by name, so that no interface imports workflow code.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, cast

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, GetWorkflowExecutionHistoryRequest
from temporalio.client import Client, Interceptor, WorkflowHandle, WorkflowHistory
from temporalio.common import (
    HeaderCodecBehavior,
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from placet import ports
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest, RunStatus
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.text import NAME, quoted
from placet.engine.converter import data_converter
from placet.engine.meeting import RPC_TIMEOUT, Meeting, meet
from placet.engine.payload_codec import ENCODING
from placet.engine.payload_keys import PayloadKeys
from placet.engine.progress import described
from placet.errors import ConfigurationError, GovernanceError, UpstreamUnavailable, UsageError

WORKFLOW = "GovernedRun"
ROLLOUT = "Rollout"
JOURNEY = "Journey"
LOOK_AGAIN = "look_again"
_AHEAD = Priority(priority_key=2)
"""A step of a rollout or a journey: short, and what stops others must not wait behind those it would stop."""
_BEHIND = Priority(priority_key=4)
"""A run that a rollout or a journey starts; 3 is that of everything else. A model may take minutes to answer many."""
SEARCH_ATTRIBUTES = ("PlacetTenant", "PlacetCustomer", "PlacetAgent", "PlacetState")


class Engine:
    """A connection to Temporal, in the words of the product."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self.client = client
        self.task_queue = task_queue
        self.is_ours = False
        """Whether it was looked whose Temporal this is; once for each connection."""
        self.task_timeout: timedelta | None = None
        """How long Temporal waits for a worker that took a workflow task; None is its own default, 10 s."""

    @classmethod
    async def connect(
        cls,
        address: str,
        namespace: str,
        keys: PayloadKeys,
        *,
        for_worker: bool = False,
        interceptors: Sequence[Interceptor] = (),
    ) -> "Engine":
        """Connect.

        Raises:
            ConfigurationError: nothing answers at `address`, or it has no such namespace.
        """
        try:
            converter = data_converter(keys, for_worker=for_worker)
            client = await Client.connect(
                address,
                namespace=namespace,
                data_converter=converter,
                interceptors=interceptors,
                # A header carries the ids of a trace alone, and the SDK does not say for which workflow.
                header_codec_behavior=HeaderCodecBehavior.NO_CODEC,
            )
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                raise ConfigurationError(
                    f"Temporal at {address!r} has no namespace {namespace!r}; check PLACET_TEMPORAL_NAMESPACE"
                ) from error
            raise ConfigurationError(
                f"Temporal does not answer at {address!r}; start the local stack with `placet up` "
                f"or set PLACET_TEMPORAL_ADDRESS"
            ) from error
        return cls(client, keys.task_queue)

    async def ensure_search_attributes(self) -> None:
        """Register our search attributes where they are missing (safe to repeat)."""
        service = self.client.operator_service
        present = await service.list_search_attributes(ListSearchAttributesRequest(namespace=self.client.namespace))
        missing = [name for name in SEARCH_ATTRIBUTES if name not in present.custom_attributes]
        if missing:
            keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
            await service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=self.client.namespace, search_attributes=dict.fromkeys(missing, keyword)
                )
            )

    async def start(self, request: RunRequest, *, behind: bool = False) -> bool:
        """Start the run; False when a run with this id exists already (the same key was used before).

        With `behind`, its steps wait behind those of runs that people start, where a worker has no room for all.

        Raises:
            GovernanceError: code `foreign_workflow`; somebody else's workflow bears its id.
            UpstreamUnavailable: Temporal did not start it.
        """
        values = (request.tenant, request.customer_id, request.agent, "analysing")
        attributes = TypedSearchAttributes(
            [
                SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
                for name, value in zip(SEARCH_ATTRIBUTES, values, strict=True)
            ]
        )
        try:
            await self.client.start_workflow(
                WORKFLOW,
                request,
                id=request.run_id,
                task_queue=self.task_queue,
                task_timeout=self.task_timeout,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=attributes,
                memo={ports.STEPS_MEMO: ports.LOCAL_FIRST},
                priority=_BEHIND if behind else Priority.default,
            )
        except WorkflowAlreadyStartedError:
            await self._require_own(request)
            return False
        except RPCError as error:
            raise UpstreamUnavailable(
                f"run {request.run_id!r} is recorded, but Temporal did not start it ({error.status.name}); "
                f"send the same request with key {request.key!r} again",
                code="engine_unavailable",
            ) from error
        return True

    async def start_rollout(self, asked: RolloutAsked) -> bool:
        """Start the workflow of a rollout; False when it is under way, and is told to look again. Raises as `start`."""
        if await self._start_lasting(ROLLOUT, asked, f"the rollout of {asked.strategy!r}"):
            return True
        await self.tell_rollout(asked)
        return False

    async def tell_rollout(self, asked: RolloutAsked) -> None:
        """Tell a rollout's workflow that something was ordered; where it cannot be told, it finds out by itself."""
        with suppress(RPCError):
            await self.client.get_workflow_handle(asked.workflow_id).signal("told", rpc_timeout=RPC_TIMEOUT)

    async def start_journey(self, asked: JourneyAsked) -> bool:
        """Start the workflow of a journey; False when it is under way, and is told to look again. Raises as `start`."""
        what = f"the journey of customer {asked.customer_id!r} in {asked.strategy!r}"
        if await self._start_lasting(JOURNEY, asked, what):
            return True
        await self.tell_journey(asked)
        return False

    async def tell_journey(self, asked: JourneyAsked) -> None:
        """Tell a journey's workflow to look again; where it cannot be told, it finds out by itself."""
        with suppress(RPCError):
            await self.client.get_workflow_handle(asked.workflow_id).signal(LOOK_AGAIN, rpc_timeout=RPC_TIMEOUT)

    async def _start_lasting(self, kind: str, asked: RolloutAsked | JourneyAsked, what: str) -> bool:
        """Start a workflow that may be started again when it is over; False when it is under way."""
        try:
            await self.client.start_workflow(
                kind,
                asked,
                id=asked.workflow_id,
                task_queue=self.task_queue,
                task_timeout=self.task_timeout,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                priority=_AHEAD,
            )
        except WorkflowAlreadyStartedError:
            await self._require_own_lasting(kind, asked.workflow_id, what)
            return False
        except RPCError as error:
            raise UpstreamUnavailable(
                f"{what} is recorded, but Temporal did not start it ({error.status.name}); start it again",
                code="engine_unavailable",
            ) from error
        return True

    async def _require_own_lasting(self, kind: str, workflow_id: str, what: str) -> None:
        with _clear(UsageError(f"Temporal has no workflow {workflow_id!r}", code="not_running")):
            workflow = (await described(self.client, workflow_id)).workflow_execution_info
        if (workflow.type.name, workflow.task_queue) != (kind, self.task_queue):
            raise GovernanceError(
                f"{what} is recorded and was not started: at Temporal a workflow of type "
                f"{quoted(workflow.type.name, NAME)} on task queue {quoted(workflow.task_queue, NAME)}, which nobody "
                "here started, bears its id; find out who reaches Temporal",
                code="foreign_workflow",
            )

    async def _require_own(self, request: RunRequest) -> None:
        with _clear(UsageError(f"Temporal has no workflow {request.run_id!r}", code="not_running")):
            workflow = (await described(self.client, request.run_id)).workflow_execution_info
            ours = (workflow.type.name, workflow.task_queue) == (WORKFLOW, self.task_queue)
            ours = ours and await self._was_asked(request)
        if not ours:
            raise GovernanceError(
                f"run {request.run_id!r} is recorded and was not started: at Temporal a workflow of type "
                f"{quoted(workflow.type.name, NAME)} on task queue {quoted(workflow.task_queue, NAME)}, which nobody "
                "here started, bears its id; find out who reaches Temporal, and use another key",
                code="foreign_workflow",
            )

    async def _was_asked(self, request: RunRequest) -> bool:
        """Return whether the workflow of a run was started with its request, sealed for it."""
        first = GetWorkflowExecutionHistoryRequest(
            namespace=self.client.namespace,
            execution=WorkflowExecution(workflow_id=request.run_id),
            maximum_page_size=1,
        )
        answer = await self.client.workflow_service.get_workflow_execution_history(first, timeout=RPC_TIMEOUT)
        given = answer.history.events[0].workflow_execution_started_event_attributes.input.payloads
        context = WorkflowSerializationContext(namespace=self.client.namespace, workflow_id=request.run_id)
        if len(given) != 1 or given[0].metadata.get("encoding") != ENCODING:
            return False
        try:
            (asked,) = await self.client.data_converter.with_context(context).decode(list(given), [RunRequest])
        except (ConfigurationError, ValueError, RuntimeError):
            return False
        return isinstance(asked, RunRequest) and asked.run_id == request.run_id

    def handle(self, run_id: str) -> WorkflowHandle[Any, Any]:
        """Return the workflow of a run."""
        return self.client.get_workflow_handle(run_id)

    async def meeting(self) -> Meeting:
        """Look whether workers of this installation poll here.

        Raises:
            UpstreamUnavailable: Temporal does not answer.
        """
        with _clear(UsageError("Temporal has no such task queue", code="engine_unavailable")):
            return await meet(self.client, self.task_queue)

    async def require_ours(self) -> None:
        """Refuse a Temporal that serves another installation and knows nothing of this one.

        Raises:
            ConfigurationError: it is another one's; nothing was asked of it.
            UpstreamUnavailable: it does not answer.
        """
        if self.is_ours:
            return
        refusal = (await self.meeting()).refusal
        if refusal is not None:
            raise ConfigurationError(refusal)
        self.is_ours = True

    async def namespace_id(self) -> str:
        """Return what tells this namespace of this very server from every other one, of the same name too."""
        with _clear(UsageError(f"no namespace {self.client.namespace!r}", code="engine_unavailable")):
            answer = await self.client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=self.client.namespace)
            )
        return answer.namespace_info.id

    async def status(self, run_id: str) -> RunStatus:
        """Ask the running (or ended) workflow where it stands; needs a worker.

        Raises:
            UsageError: no such run.
        """
        return cast("RunStatus", await self._query(run_id, "status", RunStatus))

    async def proposal(self, run_id: str) -> Proposal | None:
        """Ask the workflow itself for the pending proposal."""
        return cast("Proposal | None", await self._query(run_id, "proposal", Proposal))

    async def decide(self, run_id: str, envelope: str) -> None:
        """Deliver a signed decision.

        Raises:
            UsageError: code `late`: the run is unknown or has ended; `signals_exhausted`: Temporal takes no more.
        """
        with _clear(UsageError(f"{self._not_running(run_id)}; it takes no decision", code="late")):
            try:
                await self.handle(run_id).signal("decide", json.loads(envelope))
            except RPCError as error:
                if error.status is not RPCStatusCode.INVALID_ARGUMENT or "limit" not in str(error):
                    raise
                raise UsageError(
                    f"run {run_id!r} was sent more signals than Temporal takes for a run; cancel it and start another",
                    code="signals_exhausted",
                ) from error

    async def cancel(self, run_id: str) -> None:
        """Ask the run to end without an effect.

        Raises:
            UsageError: the run is unknown or has ended.
        """
        with _clear(UsageError(f"{self._not_running(run_id)}; there is nothing to cancel", code="not_running")):
            await self.handle(run_id).cancel()

    async def history(self, run_id: str) -> WorkflowHistory:
        """Fetch the run's whole event history.

        Raises:
            UsageError: no such run.
        """
        with _clear(self._unknown(run_id)):
            return await self.handle(run_id).fetch_history()

    async def _query(self, run_id: str, name: str, result_type: Any) -> Any:
        with _clear(self._unknown(run_id)):
            return await self.handle(run_id).query(name, result_type=result_type)

    @property
    def _address(self) -> str:
        return self.client.service_client.config.target_host

    def _not_running(self, run_id: str) -> str:
        # Temporal answers alike for a run that has ended and for one that it never had.
        return f"Temporal runs no {run_id!r}: it has ended, or was started at another Temporal"

    def _unknown(self, run_id: str) -> UsageError:
        return UsageError(
            f"Temporal at {self._address!r} has no history of run {run_id!r}: it was started at another Temporal, "
            "or ended longer ago than Temporal keeps histories; see `placet run show` and `placet doctor`",
            code="unknown_run",
        )


@contextmanager
def _clear(not_found: UsageError) -> Iterator[None]:
    """Raise Temporal's errors as ours: `not_found`, or one clear line about Temporal itself."""
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise not_found from error
        raise UpstreamUnavailable(
            f"Temporal did not answer ({error.status.name}); try again", code="engine_unavailable"
        ) from error
