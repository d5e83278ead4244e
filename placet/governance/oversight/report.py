"""The oversight report: do those who decide look first, and do they ever say no?

(1) `Tally` adds stories up, in memory that grows with the number of people and not with the number of gates.
(2) Control runs are added up apart and change no other figure.
(3) Rates are basis points, rounded down, and stand beside their counts; nothing is weighed or judged.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from placet.contracts.base import Frozen, TenantId
from placet.contracts.people.decision import YES
from placet.governance.oversight.stories import ControlOutcome, Durations, GateStory

QUICK_SECONDS: Final = 5
"""A decision signed at most this long after the first look counts as quick: nobody reads a proposal in that time.

Who was quick in more than half of their decisions has a line in the notes of the report, which states the counts.
"""

_WHOLE: Final = 10_000


class Overall(Frozen):
    """All gates of the window that asked people, control runs left out, and the notifications about them.

    `asked` is the sum of `decided`, `expired_undecided`, `ended_otherwise` and `waiting`. `delivered` and `undelivered`
    count notifications that ask someone, those about control runs included: they cannot be told apart.
    """

    asked: int
    delivered: int
    undelivered: int
    seen: int
    decided: int
    expired_undecided: int
    ended_otherwise: int
    waiting: int
    refused_attempts: int
    median_seconds_to_decision: int | None


class Controls(Frozen):
    """What became of the controls seeded in the window.

    Attributes:
        seeded: The sum of `caught`, `missed`, `undecided` and `open`.
        open: Those without an outcome yet.
        never_planted: Controls whose run ended before a gate asked anybody, so that nobody could catch them. They are
            in no other figure.
    """

    seeded: int
    caught: int
    missed: int
    undecided: int
    open: int
    never_planted: int


class ApproverFigures(Frozen):
    """One approver's decisions on ordinary gates of the window, and theirs on controls.

    Attributes:
        timed: Decisions with a look on record before the signature; the two times and `quick` are about these.
        decided_unseen: The others.
        quick: Signed within `QUICK_SECONDS` of the first look.
        controls_shown: Controls they looked at or decided, unless they had seeded them.
        controls_missed: Those that they approved, or amended.
        controls_amended: Those of the missed that they amended.
    """

    approver: str
    decided: int
    approved: int
    declined: int
    amended: int
    approved_bp: int | None
    declined_bp: int | None
    amended_bp: int | None
    delegated: int
    batched: int
    timed: int
    decided_unseen: int
    median_seconds_open: int | None
    p10_seconds_open: int | None
    quick: int
    controls_shown: int
    controls_caught: int
    controls_missed: int
    controls_amended: int


class OversightReport(Frozen):
    """The figures of all gates opened, and all controls seeded, from `since` to `until`."""

    tenant: TenantId
    since: AwareDatetime
    until: AwareDatetime
    overall: Overall
    controls: Controls
    approvers: tuple[ApproverFigures, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Person:
    counts: Counter[str] = field(default_factory=Counter)
    open: Durations = field(default_factory=Durations)


class Tally:
    """Adds up gates and controls, in any order; `approver` leaves out the figures of all other people."""

    def __init__(self, approver: str | None = None) -> None:
        self._only = approver
        self._gates: Counter[str] = Counter()
        self._controls: Counter[str] = Counter()
        self._to_decision = Durations()
        self._people: dict[str, _Person] = {}

    def add(self, story: GateStory) -> None:
        """Count an ordinary gate."""
        self._gates.update(["asked", story.state])
        self._gates["refused"] += story.refused
        self._gates["seen"] += bool(story.seen_by)
        if story.decision_seconds is not None:
            self._to_decision.add(story.decision_seconds)
        for vote in story.votes:
            if (person := self._person(vote.approver)) is None:
                continue
            person.counts.update(["decided", vote.verdict])
            person.counts["delegated"] += vote.delegated
            person.counts["batched"] += vote.batched
            if vote.open_seconds is None:
                person.counts["unseen"] += 1
            else:
                person.open.add(vote.open_seconds)

    def add_control(self, story: GateStory | None, outcome: ControlOutcome | None, seeded_by: str) -> None:
        """Count a control.

        Args:
            story: Its gate; None where it was never put before a person.
            outcome: What the record says became of it; None while it is open.
            seeded_by: Who planted it, and knew.
        """
        if story is None and outcome == "undecided":
            self._controls["never_planted"] += 1
            return
        self._controls.update(["seeded", outcome or "open"])
        if story is None:
            return
        last = {vote.approver: vote.verdict for vote in story.votes}
        for name in story.seen_by | last.keys():
            if name == seeded_by or (person := self._person(name)) is None:
                continue
            person.counts["shown"] += 1
            verdict = last.get(name)
            person.counts["caught"] += verdict == "reject"
            person.counts["missed"] += verdict in YES
            person.counts["missed_amended"] += verdict == "amend"

    def report(
        self, *, tenant: str, since: datetime, until: datetime, delivered: int, undelivered: int
    ) -> OversightReport:
        """Return the figures so far, with the notifications that were counted elsewhere."""
        gates, controls = self._gates, self._controls
        people = tuple(_figures(name, self._people[name]) for name in sorted(self._people))
        overall = Overall(
            asked=gates["asked"],
            delivered=delivered,
            undelivered=undelivered,
            seen=gates["seen"],
            decided=gates["decided"],
            expired_undecided=gates["expired"],
            ended_otherwise=gates["ended"],
            waiting=gates["waiting"],
            refused_attempts=gates["refused"],
            median_seconds_to_decision=self._to_decision.percentile(50),
        )
        return OversightReport(
            tenant=tenant,
            since=since,
            until=until,
            overall=overall,
            controls=Controls(**{name: controls[name] for name in Controls.model_fields}),
            approvers=people,
            notes=tuple(_note(one) for one in people if 2 * one.quick > one.timed),
        )

    def _person(self, name: str) -> _Person | None:
        if self._only is not None and name != self._only:
            return None
        return self._people.setdefault(name, _Person())


def _figures(name: str, person: _Person) -> ApproverFigures:
    counts = person.counts
    decided = counts["decided"]
    return ApproverFigures(
        approver=name,
        decided=decided,
        approved=counts["approve"],
        declined=counts["reject"],
        amended=counts["amend"],
        approved_bp=_rate(counts["approve"], decided),
        declined_bp=_rate(counts["reject"], decided),
        amended_bp=_rate(counts["amend"], decided),
        delegated=counts["delegated"],
        batched=counts["batched"],
        timed=person.open.count,
        decided_unseen=counts["unseen"],
        median_seconds_open=person.open.percentile(50),
        p10_seconds_open=person.open.percentile(10),
        quick=person.open.within(QUICK_SECONDS),
        controls_shown=counts["shown"],
        controls_caught=counts["caught"],
        controls_missed=counts["missed"],
        controls_amended=counts["missed_amended"],
    )


def _rate(part: int, whole: int) -> int | None:
    return part * _WHOLE // whole if whole else None


def _note(one: ApproverFigures) -> str:
    return f"{one.approver} decided {one.quick} of {one.timed} within {QUICK_SECONDS} s of opening the evidence"
