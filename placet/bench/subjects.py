"""What the driver needs of a kind of run, and the reference kind."""

from typing import Any, Protocol

from temporalio.client import Client, WorkflowHistory

from placet.bench import bare
from placet.bench.processes.place import Kind
from placet.errors import PlacetError


class Subject(Protocol):
    """One kind of run. The driver times `start` and `deliver`; `prepare` is the approver's own time."""

    kind: Kind

    def name(self, number: int) -> str:
        """Return the workflow id of run `number`."""
        ...

    async def start(self, number: int) -> None:
        """Ask for run `number`."""
        ...

    def prepare(self, run_id: str) -> Any:
        """Return what the approver sends."""
        ...

    async def deliver(self, decision: Any) -> None:
        """Send it."""
        ...

    async def ended(self, run_id: str) -> None:
        """Wait for the end.

        Raises:
            PlacetError: it is another one than it should be.
        """
        ...

    async def history(self, run_id: str) -> WorkflowHistory:
        """Fetch the run's events."""
        ...


class Bare:
    """The reference."""

    kind: Kind = "bare"

    def __init__(self, client: Client) -> None:
        self._client = client

    def name(self, number: int) -> str:
        """Return the workflow id."""
        return f"bare-{number}"

    async def start(self, number: int) -> None:
        """Start the workflow."""
        await self._client.start_workflow(
            bare.BareRun.run, bare.request(number), id=self.name(number), task_queue=bare.TASK_QUEUE
        )

    def prepare(self, run_id: str) -> Any:
        """Make a plain record; nobody's signature is on it."""
        return {"run": run_id, "verdict": "approve", "approver": "bench-approver", "reason": "bench"}

    async def deliver(self, decision: Any) -> None:
        """Signal it."""
        await self._client.get_workflow_handle(decision["run"]).signal("decide", decision)

    async def ended(self, run_id: str) -> None:
        """Wait for the receipt."""
        receipt = await self._client.get_workflow_handle(run_id).result()
        if receipt.get("outcome") != "executed":
            raise PlacetError(f"bare run {run_id!r} ended with {receipt!r}")

    async def history(self, run_id: str) -> WorkflowHistory:
        """Fetch the run's events."""
        return await self._client.get_workflow_handle(run_id).fetch_history()
