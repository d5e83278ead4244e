"""What applications ask of a model, and what they get back. No provider is named here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from placet.contracts.analysis.inference import ModelUse
from placet.contracts.analysis.outcome import Exchange
from placet.errors import InferenceError

T = TypeVar("T", bound=BaseModel)

Check = Callable[[T], Sequence[str]]
"""Looks at a valid answer and returns marks (codes) for what is wrong with its words."""


@dataclass(frozen=True)
class Completion(Generic[T]):
    """A valid answer, the marks its words earned, and the record of how it came about."""

    value: T
    marks: tuple[str, ...]
    attempts: tuple[ModelUse, ...]
    exchanges: tuple[Exchange, ...]


class Inference(Protocol):
    """Answers a task with a validated object, or fails closed."""

    def complete(
        self, task: str, *, agent: str, system: str, user: str, schema: type[T], check: Check[T]
    ) -> Completion[T]:
        """Ask the models of the agent's `task`, in order, until one gives a valid `schema`.

        Raises:
            InferenceError: No permitted model gave a valid answer; see `NoModelAnsweredError`.
        """
        ...


class NoModelAnsweredError(InferenceError):
    """Every model of the task was skipped or failed. Carries the attempts, so that the record keeps them."""

    def __init__(self, task: str, attempts: Sequence[ModelUse], exchanges: Sequence[Exchange]) -> None:
        tried = "; ".join(f"{use.model}: {use.outcome}{f' ({use.detail})' if use.detail else ''}" for use in attempts)
        super().__init__(f"no model gave a valid answer to {task!r}: {tried or 'none is configured'}")
        self.attempts = tuple(attempts)
        self.exchanges = tuple(exchanges)
