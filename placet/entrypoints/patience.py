"""How long the HTTP API waits for a request: a connection that says nothing whole must not keep others out."""

import asyncio
import sys
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class PatientProtocol(H11Protocol):
    """Closes a connection on which no whole request head arrives in time, or an answer is hardly read.

    Uvicorn itself waits for ever.

    Its own keep-alive timeout ends with the first byte of the next request, and there is none before the first one.

    Attributes:
        head_seconds: How long after the connection was made, or after an answer. A body has a bound of its own.
        read_seconds: How soon the reader of an answer that fills the connection must have taken `least_bytes` of it.
        least_bytes: So much, each time: who reads slowly gets the answer whole.
    """

    head_seconds: ClassVar[float] = 10.0
    read_seconds: ClassVar[float] = 20.0
    least_bytes: ClassVar[int] = 16 * 1024
    _waiting: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next one."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        for timer in (self._waiting, self._unread):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """Wait for the reader."""
        super().pause_writing()
        if self._unread is None:
            self._await_reader()

    def resume_writing(self) -> None:
        """Wait for the reader no more."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _await_reader(self) -> None:
        self._unread = self.loop.call_later(self.read_seconds, self._look_at_reader, self._left())

    def _left(self) -> int:
        """Return how many bytes the reader has not taken.

        The kernel holds megabytes of them, and takes more from here only when a third of its buffer is free again: what
        waits here alone stays the same for minutes while somebody reads.
        """
        waiting, connection = self.transport.get_write_buffer_size(), self.transport.get_extra_info("socket")
        try:
            held = ioctl(connection.fileno(), TIOCOUTQ, bytes(4))
        except (OSError, ValueError):  # not every system tells, and of a closed connection none does
            return waiting
        return waiting + int.from_bytes(held, sys.byteorder)

    def _look_at_reader(self, left: int) -> None:
        if left - self._left() < self.least_bytes:
            self.transport.abort()
        else:
            self._await_reader()

    def _wait(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(self.head_seconds, self._too_slow)

    def _too_slow(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.close()
