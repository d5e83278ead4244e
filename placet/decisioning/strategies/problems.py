"""What can be wrong with a strategy, as a value: severity, the place by names, a sentence."""

from dataclasses import dataclass

from placet.contracts.strategies.findings import Severity

Path = tuple[str | int, ...]
"""Names and numbers that lead to a part of a strategy."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth a look.

    Attributes:
        at: The character of the condition at `path` that is wrong; None where it is not about one.
    """

    severity: Severity
    path: Path
    said: str
    at: int | None = None


def error(path: Path, said: str, at: int | None = None) -> Problem:
    """Return what keeps a strategy from being signed."""
    return Problem("error", path, said, at)


def warning(path: Path, said: str) -> Problem:
    """Return what whoever signs should know."""
    return Problem("warning", path, said)
