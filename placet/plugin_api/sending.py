"""One send that the effect ledger counted: the transport lets one mutating request leave for it, and says what it saw.

What became of a mutation is judged by what the transport below every plugin saw, not by the error that a plugin's own
code made of it: whatever a plugin raises, a request that left and was not plainly refused may have had its effect.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from placet.plugin_api.outcomes import DEFINITE_REFUSALS


@dataclass(slots=True)
class CountedSend:
    """What the transport saw of one counted send.

    Attributes:
        taken: A mutating request was handed to the transport; no second one may follow.
        left: Bytes of it may have left this process.
        status: Of the answer, once its headers arrived.
    """

    taken: bool = False
    left: bool = False
    status: int | None = None

    @property
    def refused(self) -> bool:
        """Whether the answer says for certain that nothing was done."""
        return self.status in DEFINITE_REFUSALS


_current: ContextVar[CountedSend | None] = ContextVar("placet_counted_send", default=None)


@contextmanager
def counted_send() -> Iterator[CountedSend]:
    """Let exactly one mutating request of this thread leave while the block runs."""
    send = CountedSend()
    token = _current.set(send)
    try:
        yield send
    finally:
        _current.reset(token)


def current_send() -> CountedSend | None:
    """Return the counted send of this thread.

    It is None outside of one (the conformance kit, a plugin's own tests).
    """
    return _current.get()
