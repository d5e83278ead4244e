"""The oversight figures: exact on made-up (simulated) records, and the arithmetic holds for any."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.audit import GENESIS, AuditEvent
from placet.governance.log.chain import link
from placet.governance.oversight.report import Controls, OversightReport, Tally
from placet.governance.oversight.stories import ControlOutcome, Durations, GateStory, Vote, outcome_from, read_gate
from tests.unit.support import NOW, RUN, a_gate

P, Q = "a" * 64, "b" * 64


class Stream:
    """A simulated run's record, written entry by entry."""

    def __init__(self, verdict: str = "human") -> None:
        self.events: list[AuditEvent] = []
        gate = {**a_gate().model_dump(mode="json"), "verdict": verdict, "opened_at": NOW.isoformat()}
        self.add("approve.opened", "policy", {"proposal": P, "gate": gate})

    def add(self, kind: str, actor: str, body: dict[str, Any], at: datetime = NOW) -> "Stream":
        seq = len(self.events) + 1
        self.events.append(
            link(
                seq=seq,
                prev_hash=self.events[-1].hash if self.events else GENESIS,
                stream=RUN,
                tenant="demo",
                run_id=RUN,
                kind=kind,
                actor=actor,
                step_key=f"{kind}.{seq}",
                at=at,
                body=body,
            )
        )
        return self

    def seen(self, name: str, after: float, proposal: str = P) -> "Stream":
        return self.add("approve.seen", name, {"proposal": proposal, "channel": "cli"}, NOW + timedelta(seconds=after))

    def decided(self, name: str, verdict: str, after: float, proposal: str = P, **body: Any) -> "Stream":
        said = {
            "verdict": verdict,
            "proposal": proposal,
            "decided_at": (NOW + timedelta(seconds=after)).isoformat(),
            "missing": 0,
            "delegated_by": None,
            "batch": None,
        }
        return self.add("approve.decided", name, {**said, **body})

    def ended(self, state: str) -> "Stream":
        return self.add("run.ended", "worker", {"state": state, "code": state, "detail": ""})

    def story(self) -> GateStory:
        story = read_gate(self.events)
        assert story is not None
        return story


def report(tally: Tally) -> OversightReport:
    return tally.report(tenant="demo", since=NOW, until=NOW, delivered=0, undelivered=0)


def test_time_with_the_evidence_open_runs_from_the_first_look_to_the_signature_in_whole_seconds() -> None:
    story = Stream().seen("anna", 10).seen("anna", 50, Q).decided("anna", "approve", 95.9).ended("executed").story()
    assert story == GateStory("decided", frozenset({"anna"}), 95, (Vote("anna", "approve", 85, False, False),), 0)


def test_a_look_by_another_person_at_another_proposal_or_after_the_signature_is_no_look() -> None:
    others = Stream().seen("ben", 1).seen("anna", 1, Q).decided("anna", "reject", 9)
    assert others.story().votes[0].open_seconds is None
    assert Stream().seen("anna", 9.5).decided("anna", "reject", 9).story().votes[0].open_seconds is None


def test_who_amends_has_looked_at_the_proposal_as_it_was() -> None:
    stream = Stream().seen("anna", 10).add("approve.amended", "anna", {"amends": P, "proposal": Q})
    stream.decided("anna", "amend", 40, Q, missing=1).decided("ben", "approve", 70, Q)
    story = stream.story()
    assert [(vote.approver, vote.open_seconds) for vote in story.votes] == [("anna", 30), ("ben", None)]
    assert story.decision_seconds == 70


@pytest.mark.parametrize(
    ("stream", "state", "seconds"),
    [
        (Stream(), "waiting", None),
        (Stream().decided("anna", "approve", 5, missing=1), "waiting", None),
        (Stream().decided("anna", "approve", 5, missing=1).ended("expired"), "expired", None),
        (Stream().ended("cancelled"), "ended", None),
        (Stream().decided("anna", "approve", 5).ended("halted"), "decided", 5),
        (Stream().decided("anna", "approve", 5, missing=1).decided("ben", "reject", 8), "decided", 8),
        (Stream().decided("anna", "approve", -2), "decided", 0),
    ],
)
def test_a_gate_is_decided_once_its_question_is_answered(stream: Stream, state: str, seconds: int | None) -> None:
    assert (stream.story().state, stream.story().decision_seconds) == (state, seconds)


def test_only_gates_that_asked_people_have_a_story() -> None:
    assert read_gate([]) is None
    assert read_gate(Stream("denied").events) is None
    assert read_gate(Stream("cleared").events) is None


def test_an_entry_written_before_quorums_answers_by_itself() -> None:
    stream = Stream()
    body = {"verdict": "approve", "proposal": P, "decided_at": NOW.isoformat()}
    assert stream.add("approve.decided", "anna", body).story().state == "decided"


def test_the_report_is_exact_on_a_made_up_sequence() -> None:
    tally = Tally()
    for stream in (
        Stream().seen("anna", 10).decided("anna", "approve", 110).ended("executed"),
        Stream().seen("anna", 10).decided("anna", "reject", 13).ended("rejected"),
        Stream().seen("ben", 5).decided("anna", "approve", 400, batch="c" * 64).ended("executed"),
        Stream().seen("ben", 5).decided("ben", "reject", 65, delegated_by="cora").add("approve.refused", "?", {}),
        Stream().seen("ben", 0).ended("expired"),
        Stream().add("approve.refused", "?", {}).add("approve.refused", "?", {}),
        Stream().ended("cancelled"),
    ):  # fmt: skip
        tally.add(stream.story())
    drawn = report(tally)
    assert drawn.overall.model_dump() == {
        "asked": 7,
        "delivered": 0,
        "undelivered": 0,
        "seen": 5,
        "decided": 4,
        "expired_undecided": 1,
        "ended_otherwise": 1,
        "waiting": 1,
        "refused_attempts": 3,
        "median_seconds_to_decision": 65,
    }
    anna, ben = drawn.approvers
    assert (anna.approver, anna.decided, anna.approved, anna.declined, anna.amended) == ("anna", 3, 2, 1, 0)
    assert (anna.approved_bp, anna.declined_bp, anna.amended_bp) == (6666, 3333, 0)
    assert (anna.timed, anna.decided_unseen, anna.batched, anna.delegated, anna.quick) == (2, 1, 1, 0, 1)
    assert (anna.median_seconds_open, anna.p10_seconds_open) == (3, 3)
    assert (ben.approver, ben.decided, ben.delegated, ben.median_seconds_open) == ("ben", 1, 1, 60)
    assert drawn.notes == ()


def test_who_was_quick_more_often_than_not_has_a_line_that_states_the_counts() -> None:
    tally = Tally()
    for seconds in (5, 0, 6):
        tally.add(Stream().seen("anna", 1).decided("anna", "approve", 1 + seconds).story())
    tally.add(Stream().decided("ben", "approve", 1).story())
    assert report(tally).notes == ("anna decided 2 of 3 within 5 s of opening the evidence",)


def test_controls_change_no_ordinary_figure_and_whoever_seeded_one_is_not_counted() -> None:
    tally = Tally()
    amended = Stream().seen("anna", 1).add("approve.amended", "anna", {"amends": P, "proposal": Q})
    amended.decided("anna", "amend", 9, Q, missing=1).decided("ben", "approve", 20, Q)
    tally.add_control(amended.story(), "missed", "vera")
    tally.add_control(Stream().seen("ben", 1).decided("anna", "reject", 9).story(), "caught", "vera")
    tally.add_control(Stream().decided("vera", "approve", 9).story(), "missed", "vera")
    tally.add_control(Stream().seen("cora", 1).ended("expired").story(), "undecided", "vera")
    tally.add_control(None, "undecided", "vera")
    tally.add_control(Stream().story(), None, "vera")
    drawn = report(tally)
    assert drawn.controls == Controls(seeded=5, caught=1, missed=2, undecided=1, open=1, never_planted=1)
    assert set(drawn.overall.model_dump().values()) == {0, None}
    figures = {
        one.approver: (one.controls_shown, one.controls_caught, one.controls_missed, one.controls_amended)
        for one in drawn.approvers
    }
    assert figures == {"anna": (2, 1, 1, 1), "ben": (2, 0, 1, 0), "cora": (1, 0, 0, 0)}
    assert {one.decided for one in drawn.approvers} == {0}


def test_the_last_word_of_a_person_on_a_control_counts() -> None:
    tally = Tally()
    stream = (
        Stream().decided("anna", "approve", 5, missing=1).add("approve.amended", "ben", {"amends": P, "proposal": Q})
    )
    stream.decided("ben", "amend", 6, Q, missing=1).decided("anna", "reject", 9, Q)
    tally.add_control(stream.story(), "caught", "vera")
    assert [(one.approver, one.controls_caught, one.controls_missed) for one in report(tally).approvers] == [
        ("anna", 1, 0),
        ("ben", 0, 1),
    ]


@pytest.mark.parametrize("outcome", ["caught", "missed", "undecided"])
def test_an_outcome_is_read_from_its_entry(outcome: ControlOutcome) -> None:
    assert outcome_from(Stream().add(f"control.{outcome}", "worker", {}).events[-1]) == outcome
    assert outcome_from(None) is None


NAMES = st.sampled_from(["anna", "ben", "cora"])
VOTES = st.builds(
    Vote,
    approver=NAMES,
    verdict=st.sampled_from(["approve", "reject", "amend"]),
    open_seconds=st.none() | st.integers(0, 400_000),
    delegated=st.booleans(),
    batched=st.booleans(),
)
STORIES = st.builds(
    GateStory,
    state=st.sampled_from(["waiting", "decided", "expired", "ended"]),
    seen_by=st.frozensets(NAMES),
    decision_seconds=st.none() | st.integers(0, 400_000),
    votes=st.lists(VOTES, max_size=4).map(tuple),
    refused=st.integers(0, 3),
)


@given(st.lists(STORIES, max_size=12), st.lists(st.tuples(STORIES, NAMES), max_size=5), st.randoms())
def test_the_figures_add_up_whatever_the_order(
    stories: list[GateStory], controls: list[tuple[GateStory, str]], chance: Any
) -> None:
    def drawn(all_stories: Sequence[GateStory], approver: str | None = None) -> OversightReport:
        tally = Tally(approver)
        for story in all_stories:
            tally.add(story)
        for story, by in controls:
            tally.add_control(story, None, by)
        return report(tally)

    whole = drawn(stories)
    shuffled = list(stories)
    chance.shuffle(shuffled)
    assert drawn(shuffled) == whole
    overall = whole.overall
    ends = overall.decided + overall.expired_undecided + overall.ended_otherwise + overall.waiting
    assert overall.asked == ends == len(stories)
    assert sum(one.decided for one in whole.approvers) == sum(len(story.votes) for story in stories)
    assert whole.controls.seeded == whole.controls.open == len(controls)
    for one in whole.approvers:
        assert one.approved + one.declined + one.amended == one.decided == one.timed + one.decided_unseen
        assert one.controls_shown >= one.controls_caught + one.controls_missed
        assert one.controls_missed >= one.controls_amended
        assert one.quick <= one.timed
        assert max(one.delegated, one.batched) <= one.decided
        if one.decided:
            assert one.approved_bp == one.approved * 10_000 // one.decided
        assert drawn(stories, one.approver).approvers == (one,)


@given(st.lists(st.integers(0, 599), min_size=1, max_size=60), st.integers(1, 100))
def test_below_ten_minutes_percentiles_are_exact(seconds: list[int], percent: int) -> None:
    durations = Durations()
    for value in seconds:
        durations.add(value)
    rank = -(-len(seconds) * percent // 100)
    assert durations.percentile(percent) == sorted(seconds)[rank - 1]
    assert durations.within(percent) == sum(value <= percent for value in seconds)


@given(st.lists(st.integers(0, 90 * 86_400), min_size=1, max_size=60))
def test_longer_ones_are_rounded_down_to_the_minute_or_hour(seconds: list[int]) -> None:
    durations = Durations()
    for value in seconds:
        durations.add(value)
    median, exact = durations.percentile(50), sorted(seconds)[-(-len(seconds) // 2) - 1]
    assert median is not None
    assert 0 <= exact - median < (1 if exact < 600 else 60 if exact < 86_400 else 3600)
    assert durations.count == len(seconds)


def test_no_durations_have_no_percentile() -> None:
    assert Durations().percentile(50) is None
