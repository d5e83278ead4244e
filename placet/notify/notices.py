"""What a notification says, to whom it is due, and by which identifier a repeat is known. Pure.

Invariants:
 (1) the text holds nothing that could decide: no link or token that acts, and it says so;
 (2) it holds no data of the customer, not even an identifier: e-mail leaves the perimeter;
 (3) each line is made of identifiers, amounts and times of checked form: no person's or model's words.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

from placet.contracts.gate import Gate
from placet.contracts.notification import Notification, RunOccasion
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.contracts.text import spoken, spoken_list
from placet.contracts.times import moment
from placet.governance.quorum import roles_at

ASKING: Final[frozenset[RunOccasion]] = frozenset({"asked", "reminded", "escalated", "outcome_unknown"})
"""Occasions on which something is asked of those who are told."""

NOTHING_DECIDES: Final = (
    "This message decides nothing, nor does an answer to it or a visit to an\n"
    "address in it: only a decision signed with an enrolled key counts."
)

_SUBJECTS: Final[dict[RunOccasion, str]] = {
    "asked": "decision asked",
    "reminded": "reminder, decision still open",
    "escalated": "escalated, decision still open",
    "expired": "expired undecided",
    "decided": "decided",
    "outcome_unknown": "outcome unknown, to be settled",
}
_LEADS: Final[dict[RunOccasion, str]] = {
    "asked": "A decision is asked of you{role}.",
    "reminded": "A decision that was asked of you{role} is still open.",
    "escalated": "Nobody has decided yet, so the decision is now asked of you{role}.",
    "expired": "Nobody decided in time. The run has ended without an effect.",
    "decided": "It has been decided. Nothing more is asked of you.",
    "outcome_unknown": "It was approved and sent, and nobody can tell whether it happened. Look in the other system,\n"
    "then settle it{role}.",
}


def roles_concerned(gate: Gate, occasion: RunOccasion, now: datetime) -> tuple[str, ...]:
    """Return the roles whose holders are told.

    On escalation they are those asked in addition, else all who may decide at `now`.
    """
    if occasion == "escalated" and gate.escalate_to is not None:
        return (gate.escalate_to,)
    return roles_at(gate, now)


def subject_of(run: RunRequest, proposal: Proposal, occasion: RunOccasion) -> str:
    """Write one line: what happened, to which treatment at which cost, in which run."""
    return f"Placet {run.tenant}: {_SUBJECTS[occasion]}: {_named(proposal)}, {proposal.price} ({run.run_id})"


def text_of(run: RunRequest, proposal: Proposal, gate: Gate, occasion: RunOccasion, role: str, console_url: str) -> str:
    """Write the whole message: what is asked, its kind and cost, by whom, until when, and how to decide.

    It also says that the message itself decides nothing.

    Args:
        run: The run it concerns.
        proposal: What is proposed.
        gate: Who may decide, and until when.
        occasion: Why it is told.
        role: As which role the reader is asked; may be empty.
        console_url: Where people find a run; may be empty.
    """
    lead = _LEADS[occasion].format(role=f" as {spoken(role)}" if role else "")
    facts = [
        ("run", run.run_id),
        ("tenant", run.tenant),
        ("asked by", f"agent {run.agent}, for {run.requested_by}"),
        ("proposes", f"{proposal.name}: {proposal.mutation.what}"),
        ("amount", proposal.price),
        ("decided by", _deciders(gate)),
    ]
    if occasion in ("asked", "reminded", "escalated", "expired"):
        facts.append(("until", moment(gate.expires_at)))
    shown = "\n".join(f"{name:<11}{value}" for name, value in facts)
    ways = "\n".join(f"  {way}" for way in _ways(run.run_id, occasion, console_url))
    return f"{lead}\n\n{shown}\n\n{ways}\n\n{NOTHING_DECIDES}\n"


def message_id(notification: Notification) -> str:
    """Make an identifier that is the same for every attempt, and another for every message and installation.

    Receivers drop what repeats by it. The notification's own number is no part of it: that counts the
    messages of all tenants.
    """
    once = (
        notification.tenant,
        notification.about,
        notification.matter,
        notification.occasion,
        notification.channel,
        notification.recipient,
        notification.created_at.astimezone(UTC).isoformat(),
    )
    return f"notice-{hashlib.sha256('|'.join(once).encode()).hexdigest()[:24]}"


def _named(proposal: Proposal) -> str:
    return proposal.treatment_name or spoken(proposal.treatment)


def _deciders(gate: Gate) -> str:
    roles = spoken_list(gate.roles, " or ")
    if gate.quorum == 1:
        return f"one person who holds {roles}"
    return f"{gate.quorum} people who hold {roles}{', each in another role' if gate.distinct_roles else ''}"


def _ways(run_id: str, occasion: RunOccasion, console_url: str) -> list[str]:
    ways = [f"placet run show {run_id}"]
    if occasion in ("asked", "reminded", "escalated"):
        ways += [f"placet approve {run_id} --as YOUR-NAME", f"placet reject {run_id} --as YOUR-NAME"]
    if occasion == "outcome_unknown":
        ways.append(f"placet settle {run_id} --found executed|not-executed --as YOUR-NAME")
    if console_url:
        ways.append(f"{console_url}/runs/{run_id}")
    return ways
