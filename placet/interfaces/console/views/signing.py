"""How somebody decides a run in the browser: what they may press, or why they may not."""

from collections.abc import Sequence
from typing import NamedTuple

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunState
from placet.contracts.text import WORDS, one_line
from placet.governance.policy.authoring.explain import Approver
from placet.interfaces.console.views.common import treatment_in_words


class Other(NamedTuple):
    """Another treatment that may be chosen instead."""

    code: str
    name: str


class SigningHere(NamedTuple):
    """What the page offers.

    Attributes:
        ready: Whether the visitor may press anything.
        why_not: Why not, in a sentence.
        not_approve: Why they may reject or change it but not approve it, in a sentence; empty where they may.
        settles: Whether it is asked what became of a change, and not whether it may be made.
        amount: The amount that may be made smaller, with its currency; empty where there is none.
        others: Treatments that may be chosen instead.
    """

    ready: bool
    why_not: str
    not_approve: str
    settles: bool
    amount: str
    others: tuple[Other, ...]


def signing_here(
    state: RunState,
    proposal: Proposal,
    *,
    name: str,
    keys: Sequence[EnrolledKey],
    advice: str,
    approvers: Sequence[Approver],
) -> SigningHere:
    """Return what the page offers to `name`, whose passkeys that may be used here are `keys`.

    Args:
        state: Of the run: what is asked.
        proposal: What is asked about.
        name: Who would decide.
        keys: Their passkeys.
        advice: What is to be done before there are passkeys at this address; empty where there may be.
        approvers: Who could decide now, and who could not, as policy says.
    """
    settles = state == "unknown_outcome"
    asked = () if settles else approvers
    why_not = advice or _why_not(name, keys, asked)
    not_approve = "" if why_not else why_not_entitled(name, keys, asked)
    moved = proposal.mutation.moved
    others: tuple[Other, ...] = ()
    if proposal.reverses is None:
        others = tuple(
            Other(one.treatment, treatment_in_words(one.treatment, one.name))
            for one in proposal.candidates
            if one.eligible and one.mutation is not None and one.treatment != proposal.treatment
        )
    amount = str(moved) if moved is not None and proposal.reverses is None else ""
    return SigningHere(not why_not, why_not, not_approve, settles, amount, others)


def why_not_entitled(
    name: str, keys: Sequence[EnrolledKey], approvers: Sequence[Approver], *, approving: bool = True
) -> str:
    """Return why none of somebody's keys may decide, as policy says; empty where one may, or nothing is known.

    Who approved it already may reject or change it still: that is no question of `approving`.
    """
    held = {key.key_id for key in keys}
    answers = [one for one in approvers if one.key_id in held]
    if not answers or any(one.allowed if approving else one.could_reject for one in answers):
        return ""
    because = "; ".join(dict.fromkeys(one.because for one in answers))
    what = "approve" if any(one.could_reject for one in answers) else "decide"
    return f"{name} may not {what} this: {one_line(because, WORDS)}"


def _why_not(name: str, keys: Sequence[EnrolledKey], approvers: Sequence[Approver]) -> str:
    if not keys:
        return (
            f"No passkey of {name} that may be used at this address is enrolled. An administrator invites {name} to "
            "register one, on the page Approvers."
        )
    return why_not_entitled(name, keys, approvers, approving=False)
