"""How much is measured."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from placet.errors import UsageError

Part = Literal["policy", "envelope", "append", "proof", "checkpoint", "gate", "growth"]
PARTS: tuple[Part, ...] = get_args(Part)

_STEPS = 4
_SMALLEST_LOG = 100


@dataclass(frozen=True, slots=True)
class Scale:
    """What to measure, and on how much.

    Attributes:
        entries: Entries of the largest log.
        rounds: How often each measurement is repeated.
    """

    parts: frozenset[Part]
    entries: int
    rounds: int

    @classmethod
    def of(cls, only: str | None, entries: int, rounds: int) -> Self:
        """Make the scale that a person asked for.

        Raises:
            UsageError: there is no such part.
        """
        asked = PARTS if only is None else [name.strip() for name in only.split(",")]
        for name in asked:
            if name not in PARTS:
                raise UsageError(f"--only {name!r} is no part of the bench; known: {', '.join(PARTS)}")
        return cls(frozenset(part for part in PARTS if part in asked), entries, rounds)

    @property
    def few(self) -> int:
        """Repetitions of what takes seconds each."""
        return max(1, self.rounds // 6)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the logs that are compared, each ten times the one before; the largest is `entries`."""
        steps = [self.entries // 10**step for step in range(_STEPS - 1, 0, -1)]
        return (*(size for size in steps if size >= _SMALLEST_LOG), self.entries)
