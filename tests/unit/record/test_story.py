"""What the entries of a run may not say, whoever wrote them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from placet.storage.projections.rows import Entry
from placet.storage.projections.story import Story

_DECISION = dict.fromkeys(("key_id", "reason", "delegated_by", "delegation_id", "batch", "proposal", "decision_id"))


def _entry(kind: str, verdict: str) -> Entry:
    body: dict[str, Any] = {**_DECISION, "verdict": verdict, "envelope": "e", "roles": [], "missing": 0}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Entry("run-1", kind, kind, "anna", at, {**body, "decided_at": at.isoformat()})


@pytest.mark.parametrize(
    ("kind", "verdict", "fits"),
    [
        ("approve.decided", "approve", True),
        ("approve.decided", "confirm_executed", False),
        ("approve.decided", "nonsense", False),
        ("approve.settled", "confirm_not_executed", True),
        ("approve.settled", "reject", False),
    ],
)
def test_a_verdict_answers_the_question_that_its_entry_is_about(kind: str, verdict: str, fits: bool) -> None:
    story = Story("run-1", kinds={"approve.opened", "run.parked"})
    story.tell(_entry(kind, verdict))
    expected = [] if fits else [f"{kind!r} is about verdict {verdict!r}, which is not given there"]
    assert story.faults == expected
