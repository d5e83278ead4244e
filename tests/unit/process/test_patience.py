"""How long an answer waits for its reader: who reads slowly gets it whole, who reads nothing loses the connection."""

import asyncio
from typing import cast

from uvicorn.protocols.http.flow_control import FlowControl

from placet.entrypoints.patience import PatientProtocol


class Connection:
    """The transport of a connection, of which the reader takes what a test says."""

    def __init__(self, buffered: int) -> None:
        self.buffered, self.aborted = buffered, asyncio.Event()

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def abort(self) -> None:
        self.aborted.set()

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def aborted(reads: int, times: int) -> bool:
    """Whether a connection is aborted whose reader takes `reads` bytes in each of `times` spans of patience."""
    connection = Connection(buffered=reads * (times + 1))
    protocol = PatientProtocol.__new__(PatientProtocol)
    protocol.loop = asyncio.get_running_loop()
    protocol.transport = cast("asyncio.Transport", connection)
    protocol.flow = FlowControl(protocol.transport)
    protocol.read_seconds = 0.05  # type: ignore[misc]
    protocol.pause_writing()
    for _ in range(times):
        connection.buffered -= reads
        await asyncio.sleep(0.05)
    protocol.resume_writing()
    await asyncio.sleep(0.1)
    return connection.aborted.is_set()


def test_an_answer_that_is_read_slowly_but_steadily_is_read_whole() -> None:
    assert not asyncio.run(aborted(reads=PatientProtocol.least_bytes, times=6))


def test_an_answer_of_which_next_to_nothing_is_read_ends_the_connection() -> None:
    assert asyncio.run(aborted(reads=1, times=6))
