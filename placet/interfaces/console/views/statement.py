"""What a person is asked to sign, told from the very bytes that are signed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from placet.contracts.people.decision import Verdict
from placet.contracts.people.enrolment import Enrolment, Revocation
from placet.contracts.people.passkey import fingerprint
from placet.contracts.proposal import Proposal
from placet.contracts.text import NAME, one_line
from placet.contracts.times import minute, moment
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.statement import Statement
from placet.interfaces.console.views.common import Tone, powers_of, treatment_in_words
from placet.interfaces.console.views.governance.batches import Line

_TITLES: Final[dict[Verdict, str]] = {
    "approve": "Approve this?",
    "reject": "Reject this?",
    "amend": "Approve this instead?",
    "confirm_executed": "Say that it happened?",
    "confirm_not_executed": "Say that it did not happen?",
}
_SENTENCES: Final[dict[Verdict, str]] = {
    "approve": "You approve exactly this: {change}",
    "reject": "You reject this, and nothing is changed: {change}",
    "amend": "You change the proposal, and approve exactly this: {change}",
    "confirm_executed": "You say that this was executed: {change}",
    "confirm_not_executed": "You say that this was not executed: {change}",
}
_BUTTONS: Final[dict[Verdict, str]] = {
    "approve": "Approve with your passkey",
    "reject": "Reject with your passkey",
    "amend": "Approve the change with your passkey",
    "confirm_executed": "Sign with your passkey",
    "confirm_not_executed": "Sign with your passkey",
}


_LAST: Final = (
    "This is the last key of an administrator. Without one nobody can be invited, enrolled or given a token: whoever "
    "operates the machine must make another administrator first, or the installation is closed."
)


class Row(NamedTuple):
    """One thing that the statement says."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ToSign:
    """A statement as it is shown before it is signed.

    Attributes:
        reason: The signer's own words; empty where there are none.
        digest: SHA-256 of the bytes.
        back: Where to go without signing, below the console.
        closes_at: When the gate closes, which the statement does not say.
        notes: What the person should know beside it.
        theirs: Words of others, each with whose they are.
        lines: Each proposal, where one signature decides many.
        beside: What of this the statement does not say itself, and where it is read; empty where it says all.
        told: A text that the statement names by its digest, in words: each part with its rows.
    """

    title: str
    sentence: str
    button: str
    tone: Tone
    rows: tuple[Row, ...]
    reason: str
    digest: str
    back: str
    closes_at: datetime | None = None
    notes: tuple[str, ...] = ()
    theirs: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    beside: str = ""
    told: tuple[tuple[str, tuple[Row, ...]], ...] = ()


def decision_to_sign(
    payload: bytes, statement: Statement, proposal: Proposal, closes_at: datetime | None, before: str = ""
) -> ToSign:
    """Return how a decision is shown.

    Args:
        payload: The statement.
        statement: As read from it.
        proposal: What it is about.
        closes_at: When the gate closes; None where none is open.
        before: What the signature does beside those of others; empty where one signature suffices.
    """
    predicate = statement.predicate
    verdict = predicate.verdict
    rows = [
        Row("Customer", proposal.customer_id),
        Row("Takes from the customer" if proposal.mutation.takes_from_customer else "Costs", str(proposal.cost)),
        Row("Treatment", treatment_in_words(proposal.treatment, proposal.treatment_name)),
    ]
    if verdict == "amend" and proposal.original_cost is not None:
        rows.append(Row("Cost as proposed first", str(proposal.original_cost)))
    rows += [
        Row("Run", predicate.run_id),
        Row("Signed by", predicate.approver),
        Row("Signed at", moment(predicate.decided_at)),
        Row("Proposal", f"{statement.proposal_digest[:16]}…"),
    ]
    return ToSign(
        title=_TITLES[verdict],
        sentence=_SENTENCES[verdict].format(change=proposal.mutation.describe()),
        button=_BUTTONS[verdict],
        tone="bad" if verdict == "reject" else "good",
        rows=tuple(rows),
        reason=predicate.reason,
        digest=sha256_hex(payload),
        back=f"/runs/{predicate.run_id}",
        closes_at=closes_at,
        notes=(before,) if before else (),
        beside=(
            "It names the proposal by its SHA-256. Customer, treatment, amount and change are read from the very "
            "proposal of that digest."
        ),
    )


def enrolment_to_sign(payload: bytes, enrolment: Enrolment) -> ToSign:
    """Return how an enrolment is shown."""
    own = enrolment.name == enrolment.signer
    until = "without end" if enrolment.expires_at is None else f"until {minute(enrolment.expires_at)}"
    passkey, powers = enrolment.passkey, powers_of(enrolment.roles)
    limit = "only what costs nothing" if enrolment.limit is None else f"up to {enrolment.limit}"
    rows = [
        Row("Name", enrolment.name),
        *([Row("Decides as", powers.decides)] if powers.decides else []),
        *([Row("May decide", limit)] if powers.decides or enrolment.limit is not None else []),
        *(Row(f"As an {role} may", what) for role, what in powers.may),
        Row("Counts", until),
        Row("Fingerprint", fingerprint(enrolment.key_id)),
        *([Row("Used at", ", ".join(passkey.origins))] if passkey is not None else []),
        Row("Signed by", enrolment.signer),
        Row("Signed at", moment(enrolment.signed_at)),
    ]
    return ToSign(
        title="Become the first administrator?" if own else f"Enroll {enrolment.name}?",
        sentence=(
            "You sign that this passkey is yours, and that you are an administrator."
            if own
            else f"You sign that the key with this fingerprint is the one that {enrolment.name} holds."
        ),
        button="Sign with your passkey" if own else f"Enroll {enrolment.name} with your passkey",
        tone="good",
        rows=tuple(rows),
        reason=enrolment.reason,
        digest=sha256_hex(payload),
        back="/setup" if own else "/approvers",
    )


def revocation_to_sign(payload: bytes, revocation: Revocation, name: str, *, last: bool) -> ToSign:
    """Return how a revocation is shown.

    Args:
        payload: The statement.
        revocation: As read from it.
        name: Whose key it is, as the registry has it.
        last: Whether nobody would be left who may enroll.
    """
    return ToSign(
        title=f"Revoke this key of {one_line(name, NAME)}?",
        sentence="From now on it decides nothing, not even what it signed and is not executed yet.",
        button="Revoke with your passkey",
        tone="bad",
        rows=(
            Row("Key", fingerprint(revocation.key_id)),
            Row("Of", one_line(name, NAME)),
            Row("Signed by", revocation.signer),
            Row("Signed at", moment(revocation.signed_at)),
        ),
        reason=revocation.reason,
        digest=sha256_hex(payload),
        back="/approvers",
        notes=(_LAST,) if last else (),
        beside="It names the key; whose it is, is read from the registry of keys.",
    )
