"""The record as pages show it: entries in words, kinds to choose from, what checks and replays found."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.audit import RECORD_KINDS, policy_stream, tenant_stream
from placet.contracts.text import NAME, WORDS, counted, one_line
from placet.errors import GovernanceError
from placet.interfaces.console.installed import Judged
from placet.interfaces.console.views.common import Badge
from placet.interfaces.console.views.timeline import words_of
from placet.interfaces.record_words import who
from placet.service.reading.checks import VerifiedPart
from placet.service.reading.entries import NumberedEntry


def kind_in_words(kind: str) -> str:
    """Return what a kind says: `key.enrolled` is `key enrolled`."""
    return one_line(kind, NAME).replace(".", " ").replace("_", " ")


def _groups() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    heads = sorted({kind.partition(".")[0] for kind in RECORD_KINDS})
    return tuple(
        (
            head.replace("_", " ").capitalize(),
            tuple((kind, kind_in_words(kind)) for kind in sorted(RECORD_KINDS) if kind.partition(".")[0] == head),
        )
        for head in heads
    )


KIND_GROUPS: Final = _groups()
"""Every kind of entry with its words, by what it concerns."""


@dataclass(frozen=True, slots=True)
class EntryShown:
    """One entry: in words first; codes, hashes and its whole body for engineers.

    Attributes:
        number: Its number in the tenant's log; None while it is not in it.
        run_id: The run it is of; empty where it concerns none.
        stream: In words.
        body: Its body as JSON, each line of it safe to show once `foreign` was applied.
    """

    number: int | None
    seq: int
    stream: str
    stream_code: str
    run_id: str
    at: datetime
    actor: str
    words: str
    kind: str
    kind_code: str
    digest: str
    prev_digest: str
    step_key: str
    body: str


def stream_choices(tenant: str, agents: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the streams that are no run's, with their words."""
    return (
        (tenant_stream(tenant), "What concerns no single run"),
        *((policy_stream(tenant, agent), f"Policies of {agent}") for agent in agents),
    )


def told_entry(found: NumberedEntry) -> EntryShown:
    """Return how an entry is shown."""
    entry = found.entry
    return EntryShown(
        number=found.number,
        seq=entry.seq,
        stream=_stream(entry.stream),
        stream_code=entry.stream,
        run_id=entry.run_id or "",
        at=entry.at,
        actor=one_line(who(entry), NAME),
        words=words_of(entry, found.fault),
        kind=kind_in_words(entry.kind),
        kind_code=one_line(entry.kind, NAME),
        digest=entry.hash,
        prev_digest=entry.prev_hash,
        step_key=one_line(entry.step_key, WORDS),
        body=json.dumps(entry.body, indent=2, ensure_ascii=False, sort_keys=True),
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        ok: None where there was nothing to check.
        verified: What was verified, one sentence each.
        unverified: What was not.
    """

    ok: bool | None
    headline: str
    verified: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()


def checked_of(part: VerifiedPart | None, why_no_key: str) -> Checked:
    """Return what is said of a check that found no fault."""
    if part is None:
        return Checked(None, "No head of this log was signed yet: there is nothing to compare with.")
    number = part.last - part.first + 1
    span = f"{counted(number, 'entry', 'entries')}, number {part.first} to {part.last}"
    verified = [
        f"The content of the newest {span}: each has its hash and its place, and goes on from the one before it.",
        f"These, under the stored hashes of all older entries, have the root {part.root[:16]}… of the newest head.",
    ]
    unverified = ["The newest head against one that somebody else keeps."]
    if part.first > 1:
        unverified.insert(0, f"The content of the {part.first - 1} older ones: the command below reads them all.")
    if part.signed:
        verified.append("That head is signed with the log's key.")
    else:
        unverified.insert(0, f"The signature of that head: {why_no_key}.")
    return Checked(True, "What was looked at is whole.", tuple(verified), tuple(unverified))


def failed_check(error: GovernanceError) -> Checked:
    """Return what is said of a check that found a fault."""
    return Checked(False, one_line(str(error)), (), ("Nothing after the first fault was looked at.",))


@dataclass(frozen=True, slots=True)
class VerdictShown:
    """The verdict on one run."""

    badge: Badge
    headline: str
    faults: tuple[str, ...]
    signed: tuple[str, ...]
    notes: tuple[str, ...]
    events: int
    proposal: str


def verdict_of(judged: Judged) -> VerdictShown:
    """Return how a verdict is shown."""
    good = not judged.faults
    headline = (
        "The history follows from the product's own code, and its digests, decisions and effect agree with each other."
        if good
        else "The history does not hold: something in it is not what the product would have done."
    )
    return VerdictShown(
        badge=Badge("Holds", "good") if good else Badge("Does not hold", "bad"),
        headline=headline,
        faults=tuple(one_line(line) for line in judged.faults),
        signed=tuple(one_line(line) for line in judged.signed) if good else (),
        notes=tuple(one_line(line) for line in judged.notes),
        events=judged.events,
        proposal=judged.proposal or "",
    )


def _stream(stream: str) -> str:
    head, _, rest = stream.partition("/")
    if head == "tenant":
        return "Tenant"
    if head == "policy":
        return f"Policies of {one_line(rest.partition('/')[2], NAME)}"
    return "Run"
