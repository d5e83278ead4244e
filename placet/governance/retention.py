"""What may be erased, and when: the rule alone. It is told what the record says of a run, and fetches nothing.

 (1) A document goes only when every run whose record names it may lose it.
 (2) A run keeps everything while it is not over, while nobody can say what became of its effect, and while another run
     takes it back or is asked to.
 (3) After that it keeps a class of documents for the days that are set for the class, counted from the last entry of
     its record; and where it gave the customer something, for as long as the contact policy looks back.
 (4) A class for which no days are set is kept for ever.
The record itself, signed documents, policies, receipts and checkpoints are of no class: nothing erases them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

Erasable = Literal["evidence", "proposal"]
"""`evidence`: prompts, answers, assessments, live states, billing's facts; `proposal`: what was proposed, with its
candidates."""

Named = tuple[Erasable | None, str]
"""A class, None for what is kept for ever, and a digest."""

APPLIED: Final = "retention.applied"
"""Entry on the tenant's stream: which documents went, by the digest of their list."""
COMPLETED: Final = "retention.completed"
"""Entry on the tenant's stream: somebody had retention applied, and it came to its end."""

_MODELS: Final = ("analyse.completed", "analyse.unanswered", "propose.completed", "propose.unanswered")
_GATES: Final = ("approve.opened", "approve.amended")
_DECISIONS: Final = ("approve.decided", "approve.settled")
NAMING: Final = (*_MODELS, "query_billing.completed", *_GATES, *_DECISIONS)
"""Kinds of the entries that name documents of their run."""


@dataclass(frozen=True, slots=True)
class Periods:
    """How long what is kept, in days; None is for ever.

    Attributes:
        classes: By class, after the run is over.
        notices: Notifications that were delivered or given up.
        given: How far the contact policy looks back at what a customer was given.
        events: Events of customers, after they happened; an older one is not taken either.
    """

    classes: Mapping[Erasable, int | None] = field(default_factory=dict)
    notices: int | None = None
    given: int = 0
    events: int = 400

    @property
    def shortest(self) -> int | None:
        """The shortest period of a class that is set."""
        return min((days for days in self.classes.values() if days is not None), default=None)

    @property
    def anything(self) -> bool:
        """Whether anything would ever go."""
        return self.shortest is not None or self.notices is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the record says of a run.

    Attributes:
        over: Its end is on record.
        since: When its last entry was written.
        gave: An effect of it happened, or may have.
        doubtful: Nobody can say whether an effect of it happened.
        reversing: A run that takes it back is asked for or under way.
    """

    over: bool
    since: datetime
    gave: bool = False
    doubtful: bool = False
    reversing: bool = False


@dataclass(frozen=True, slots=True)
class Going:
    """A document that may go: its class, and when the last entry of a run that names it was written."""

    kind: Erasable
    since: datetime


@dataclass
class Choice:
    """Chooses among the documents of all runs; one that a run needs stays, whichever run is told first.

    Attributes:
        periods: How long what is kept.
        now: The caller's clock.
        going: What may go, of the runs told so far, by digest.
    """

    periods: Periods
    now: datetime
    going: dict[str, Going] = field(default_factory=dict)
    _needed: set[str] = field(default_factory=set)

    def tell(self, named: Iterable[Named], standing: Standing) -> None:
        """Take a run: what its record names, and how it stands."""
        for kind, digest in named:
            if kind is None or not may_go(standing, kind, self.periods, self.now):
                self._needed.add(digest)
                self.going.pop(digest, None)
            elif digest not in self._needed:
                before = self.going.get(digest)
                since = standing.since if before is None else max(standing.since, before.since)
                self.going[digest] = Going(kind, since)

    def tell_last(self, named: Iterable[Named]) -> None:
        """Take a run that needs all of it. None is told by `tell` afterwards, so that nothing is remembered."""
        for _, digest in named:
            self.going.pop(digest, None)


def may_go(standing: Standing, kind: Erasable | None, periods: Periods, now: datetime) -> bool:
    """Return whether a run may lose its documents of one class."""
    days = None if kind is None else periods.classes.get(kind)
    if days is None or not standing.over or standing.doubtful or standing.reversing:
        return False
    return standing.since < now - timedelta(days=max(days, periods.given) if standing.gave else days)


def documents_named(kind: str, body: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the documents that an entry of a run names as its own."""
    if kind in _MODELS:
        yield from _of_models(body)
    if kind == "analyse.completed":
        yield "evidence", str(body["assessment"])
        if body.get("state") is not None:
            yield "evidence", str(body["state"]["digest"])
    elif kind == "query_billing.completed":
        yield "evidence", str(body["evidence"])
    elif kind in ("propose.completed", "approve.amended") and body["proposal"] is not None:
        yield "proposal", str(body["proposal"])
    elif kind in _DECISIONS:
        yield None, str(body["envelope"])
    # A model may be led to answer with the text of a policy: under the same digest, it is still a policy.
    policies = body.get("gate", body).get("policy_set")
    if policies is not None:
        yield None, str(policies)


def _of_models(body: Mapping[str, Any]) -> Iterator[Named]:
    for use in body.get("model_use") or ():
        for name in ("prompt_sha256", "completion_sha256"):
            if use.get(name) is not None:
                yield "evidence", str(use[name])
