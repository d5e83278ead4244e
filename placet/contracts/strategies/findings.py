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


class ToldLine(Frozen):
    """One line of a strategy in words; `group` is the treatment or the part that it belongs to."""

    group: str
    heading: str
    words: str


class CheckedStrategy(Frozen):
    """What a check says of a text.

    Attributes:
        name: None where the text is no strategy.
        digest: SHA-256 of the strategy in canonical form (RFC 8785): its version. None where it has an error.
        told: The strategy in words; empty as above.
        findings: In the order of the text.
    """

    name: StrategyName | None
    digest: Digest | None
    told: tuple[ToldLine, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return self.digest is not None


class StrategyChange(Frozen):
    """What one line of a strategy said, and says now; None where there was none, or is none."""

    group: str
    heading: str
    before: str | None
    after: str | None


class ComparedStrategies(Frozen):
    """Two versions of a strategy.

    Attributes:
        before: Digest of the one.
        after: Digest of the other; the same where they mean the same.
        changes: In words.
        consequences: What it means for customers who are in the strategy already.
    """

    before: Digest
    after: Digest
    changes: tuple[StrategyChange, ...]
    consequences: tuple[str, ...]
