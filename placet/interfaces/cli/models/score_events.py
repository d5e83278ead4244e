"""Scores of a table as events, `placet.churn.scored.v1`: a column of cohorts, which no run reads (ADR 0050)."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from placet.contracts.events.envelope import SIMULATED, SUBJECT
from placet.contracts.propensity.score import Brief, ScoredTable
from placet.contracts.text import NAME, shortened
from placet.contracts.times import rfc3339

SOURCE: Final = "urn:placet:churn-model"
_SUBJECT: Final = re.compile(SUBJECT, re.ASCII)


def event_lines(found: ScoredTable, at: datetime) -> tuple[Iterator[str], list[str]]:
    """Return an event for each score, as JSON lines, and why some customers get none.

    The same model, table and time give the same events, so that sending them twice changes nothing.

    Args:
        found: The scores.
        at: When the table was true.
    """
    unnamed = [
        f"customer {shortened(one.customer_id, NAME)!r}: events cannot name such an id"
        for one in found.scores
        if not _SUBJECT.fullmatch(_subject(one))
    ]
    return (_line(found, one, at) for one in found.scores if _SUBJECT.fullmatch(_subject(one))), unnamed


def _subject(one: Brief) -> str:
    return f"customer:{one.customer_id}"


def _line(found: ScoredTable, one: Brief, at: datetime) -> str:
    time = rfc3339(at)
    named = hashlib.sha256(f"{found.model}\n{found.data_digest}\n{time}\n{one.customer_id}".encode()).hexdigest()
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"score-{named[:32]}",
            "source": SIMULATED if found.simulated else SOURCE,
            "type": "placet.churn.scored.v1",
            "subject": _subject(one),
            "time": time,
            "datacontenttype": "application/json",
            "data": {"basis_points": one.probability_bp, "model": found.model},
        },
        separators=(",", ":"),
    )
