"""How the driver learns that a run waits for its decision, the same way for both kinds and without asking Temporal.

Polling would load the server and the worker under test. Instead an activity interceptor in the worker sends the run's
id over a local datagram socket (which never drops) when the last step before the decision has returned.
"""

import asyncio
import socket
from pathlib import Path
from typing import Any

from temporalio import activity, client, worker


class Notifier(client.Interceptor, worker.Interceptor):
    """Tells the socket at `address` of every run whose activity `step` has returned."""

    def __init__(self, step: str, address: Path) -> None:
        self._step = step
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.connect(str(address))

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:  # noqa: A002 - the base's name
        """Wrap the activities."""
        return _Inbound(next, self)

    def returned(self) -> None:
        """Send the run's id when the activity that has just returned is the watched step."""
        info = activity.info()
        if info.activity_type == self._step:
            self._socket.send((info.workflow_id or "").encode())


class _Inbound(worker.ActivityInboundInterceptor):
    def __init__(self, inner: worker.ActivityInboundInterceptor, notifier: Notifier) -> None:
        super().__init__(inner)
        self._notifier = notifier

    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002 - the base's name
        result = await self.next.execute_activity(input)
        self._notifier.returned()
        return result


class Notices(asyncio.DatagramProtocol):
    """The driver's end."""

    def __init__(self) -> None:
        self._expected: dict[str, asyncio.Future[None]] = {}

    async def listen(self, address: Path) -> None:
        """Listen at `address`, a path short enough for a socket (104 bytes on macOS)."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=str(address), family=socket.AF_UNIX)

    def expect(self, run_id: str) -> "asyncio.Future[None]":
        """Return a future that resolves when `run_id` waits for its decision; ask before starting the run."""
        future = self._expected[run_id] = asyncio.get_running_loop().create_future()
        return future

    def datagram_received(self, data: bytes, _address: object) -> None:
        """Resolve the future of the run that waits."""
        future = self._expected.pop(data.decode(), None)
        if future is not None and not future.done():
            future.set_result(None)
