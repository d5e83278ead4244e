"""Why our own transport refused something, past libraries that drop an error's cause on its way up."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

_noted: ContextVar[list["Refusal"] | None] = ContextVar("placet_network_refusals", default=None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`outside`: the address is not within the declared networks. `redirect`: the answer leads elsewhere."""

    kind: Literal["outside", "redirect"]
    detail: str


@contextmanager
def noting_refusals() -> Iterator[list[Refusal]]:
    """Collect what is refused in this thread while the block runs."""
    noted: list[Refusal] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def note(kind: Literal["outside", "redirect"], detail: str) -> None:
    """Note a refusal for whoever collects them."""
    noted = _noted.get()
    if noted is not None:
        noted.append(Refusal(kind, detail))
