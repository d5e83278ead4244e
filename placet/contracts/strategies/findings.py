"""What a check of a strategy finds, as every face shows it."""

from typing import Literal

from pydantic import StrictInt

from placet.contracts.base import Digest, Frozen
from placet.contracts.strategies.strategy import StrategyName

Severity = Literal["error", "warning"]
"""With an error nobody can sign it; a warning is for whoever signs."""


class Finding(Frozen):
    """One thing that is wrong, or that an author should look at.

    Attributes:
        line: Of the text, counted from 1.
        column: Of that line, counted from 1.
        where: The names that lead to it: `treatments.0.action`; empty for the text as a whole.
        said: What is wrong, with the value, and what to write.
    """

    severity: Severity
    line: StrictInt
    column: StrictInt
    where: str
    said: str


class CheckedStrategy(Frozen):
    """What a check says of a text.

    Attributes:
        name: None where the text is no strategy.
        digest: SHA-256 of the strategy in canonical form (RFC 8785): its version. None where it has an error.
        told: The strategy in words, as pairs of a heading and a sentence; empty as above.
        findings: In the order of the text.
    """

    name: StrategyName | None
    digest: Digest | None
    told: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return self.digest is not None
