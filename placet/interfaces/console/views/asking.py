"""How a person decides from here: the exact commands, and what became of an envelope that was handed in."""

from collections.abc import Sequence
from typing import NamedTuple

from placet.contracts.audit import AuditEvent
from placet.contracts.run import RunState
from placet.contracts.text import WORDS, one_line
from placet.interfaces.record_words import in_words


class Command(NamedTuple):
    """A command to copy, and what it is for."""

    what: str
    text: str


class Outcome(NamedTuple):
    """What became of an envelope."""

    accepted: bool | None
    words: str


def commands_for(run_id: str, state: RunState, *, approved: bool = False) -> tuple[Command, ...]:
    """Return how a run in this state is decided; none where nothing is asked.

    Who has `approved` it already may reject or change it still, and need not approve it again.
    """
    if state == "awaiting_decision" and approved:
        return _other_commands(run_id)
    if state == "awaiting_decision":
        return (
            Command("Approve exactly this", f"placet approve {run_id} --as NAME"),
            *_other_commands(run_id),
            Command(
                "Sign on another machine, then hand the file in here",
                f"placet approve {run_id} --as NAME --print > decision.json",
            ),
        )
    if state == "unknown_outcome":
        return (
            Command("It happened", f"placet settle {run_id} --found executed --as NAME"),
            Command("It did not happen", f"placet settle {run_id} --found not-executed --as NAME"),
        )
    return ()


def _other_commands(run_id: str) -> tuple[Command, ...]:
    return (
        Command("Reject it", f"placet reject {run_id} --as NAME --reason WHY"),
        Command("Give less, and approve that", f"placet amend {run_id} --amount AMOUNT --as NAME"),
    )


def outcome_of(envelope: str, events: Sequence[AuditEvent]) -> Outcome:
    """Return what the record says of an envelope, by its digest.

    What a halt refused may be accepted when it is sent again: an acceptance stands, and else the last refusal.
    """
    answers = [event for event in events if event.body.get("envelope") == envelope]
    accepted = next((event for event in answers if event.kind != "approve.refused"), None)
    if accepted is not None:
        return Outcome(True, one_line(f"{accepted.actor} {in_words(accepted)}", WORDS))
    if answers:
        return Outcome(False, one_line(in_words(answers[-1]), WORDS))
    return Outcome(None, "It was delivered. No worker has reviewed it yet; this page shows when one has.")
