"""What a person is asked to sign beside single decisions, told from the very bytes that are signed."""

from collections.abc import Sequence

from placet.contracts.people.access import AccessGrant
from placet.contracts.people.batch import Batch
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.halt import Halt, Lift
from placet.contracts.people.mandate import Mandate
from placet.contracts.people.signed import SignedDocument
from placet.contracts.text import NAME, counted, one_line
from placet.contracts.times import minute, moment
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.console.views.common import roles_in_words, stopped
from placet.interfaces.console.views.governance.batches import Line
from placet.interfaces.console.views.governance.mandates import bounds_of
from placet.interfaces.console.views.statement import Row, ToSign


def lift_to_sign(payload: bytes, lift: Lift, halt: Halt) -> ToSign:
    """Return how the lifting of a halt is shown; `halt` is the one on record that it names."""
    what = stopped(halt.scope, halt.subject)
    return ToSign(
        title="Let it go on?",
        sentence=(
            f"You let {what} be executed again, unless another halt stops it too. What was approved before it was "
            "stopped, and waits still, may execute at once. What the halt refused or ended does not: it must be "
            "decided again."
        ),
        button="Let it go on, with your passkey",
        tone="good",
        rows=(
            Row("Halt", lift.halt_id),
            Row("Stopped by", halt.placed_by),
            Row("Stopped at", moment(halt.placed_at)),
            *_signed(lift),
        ),
        reason=lift.reason,
        digest=sha256_hex(payload),
        back="/halts",
        beside="It names the halt; what that stopped, and whose words these are, is read from our record.",
        theirs=((f"Words of {halt.placed_by}", halt.reason),),
    )


def delegation_to_sign(payload: bytes, delegation: Delegation) -> ToSign:
    """Return how a delegation is shown."""
    name = one_line(delegation.delegate, NAME)
    return ToSign(
        title=f"Let {name} decide in your stead?",
        sentence=(
            f"{name} may decide as {roles_in_words(delegation.roles)} in your stead, with their own key, up to "
            f"{delegation.limit} each, until {minute(delegation.valid_until)}. They cannot pass it on."
        ),
        button=f"Let {name} decide, with your passkey",
        tone="good",
        rows=(
            Row("Who may decide", name),
            Row("As", roles_in_words(delegation.roles)),
            Row("Up to", str(delegation.limit)),
            Row("From", moment(delegation.valid_from)),
            Row("Until", moment(delegation.valid_until)),
            *_signed(delegation),
        ),
        reason=delegation.reason,
        digest=sha256_hex(payload),
        back="/governance/delegations",
    )


def mandate_to_sign(payload: bytes, mandate: Mandate, *, idle: bool) -> ToSign:
    """Return how a mandate is shown; `idle` says that policy lets it clear nothing."""
    bounds = bounds_of(mandate)
    notes = ("Policy has no permit to commit for this agent: it will clear nothing.",) if idle else ()
    return ToSign(
        title=f"Put mandate {one_line(mandate.name, NAME)} in force?",
        sentence=(
            f"Without another signature, {mandate.agent} may give {bounds.clears} to {bounds.cohort}: at most "
            f"{bounds.cap} for one customer, and {mandate.budget} in all, until {minute(mandate.valid_until)}."
        ),
        button="Put it in force, with your passkey",
        tone="good",
        rows=(
            Row("What it clears", bounds.clears),
            Row("Kinds of change", bounds.kinds),
            Row("For", bounds.cohort),
            Row("One customer", f"at most {bounds.cap}"),
            Row("In all", f"at most {mandate.budget}"),
            Row("From", moment(mandate.valid_from)),
            Row("Until", moment(mandate.valid_until)),
            Row("Drafted by, as the draft says", mandate.drafted_by),
            *_signed(mandate),
        ),
        reason=mandate.reason,
        digest=sha256_hex(payload),
        back="/governance/mandates",
        beside="It does not say what policy permits: that is asked of the policies in force." if idle else "",
        notes=notes,
    )


def batch_to_sign(payload: bytes, batch: Batch, lines: Sequence[Line], total: str, notes: Sequence[str]) -> ToSign:
    """Return how a batch is shown.

    Args:
        payload: The statement.
        batch: As read from it.
        lines: Each member's proposal. The caller has checked that the members are those under the batch's root.
        total: What they come to, as `total_of` says it.
        notes: What was left out, and why.
    """
    approves = batch.verdict == "approve"
    number = counted(batch.size, "proposal")
    does = "approve" if approves else "reject"
    return ToSign(
        title=f"{does.capitalize()} {number}?",
        sentence=(f"You {does} exactly the {number} below: {total}, none above {batch.bounds.max_cost}."),
        button=f"{does.capitalize()} {number} with your passkey",
        tone="good" if approves else "bad",
        rows=(
            Row("Proposals", str(batch.size)),
            Row("Together at most", str(batch.bounds.total_cost)),
            *_signed(batch),
        ),
        reason=batch.reason,
        digest=sha256_hex(payload),
        back="/inbox",
        beside=(
            "It holds a digest over these proposals, by which each is found. Who asked for a run is read from our "
            "record."
        ),
        lines=tuple(lines),
        notes=tuple(notes),
    )


def grant_to_sign(payload: bytes, grant: AccessGrant) -> ToSign:
    """Return how the grant of a token, or of an identity at a provider, is shown."""
    name, roles = one_line(grant.name, NAME), ", ".join(grant.roles)
    identity = grant.identity
    who = (
        "Whoever has the token that is shown next, and nowhere again,"
        if identity is None
        else "Whoever the provider knows as below"
    )
    number = "role" if len(grant.roles) == 1 else "roles"
    at = [] if identity is None else [Row("Provider", identity.issuer), Row("Who they are there", identity.subject)]
    return ToSign(
        title=f"Let {name} in?",
        sentence=f"{who} acts here as {name}, with the {number} {roles}, until {minute(grant.expires_at)}.",
        button=f"Let {name} in, with your passkey",
        tone="good",
        rows=(
            Row("Name", name),
            Row("May do what these may", roles),
            Row("Until", moment(grant.expires_at)),
            *at,
            *_signed(grant),
        ),
        reason=grant.reason,
        digest=sha256_hex(payload),
        back="/tokens",
    )


def _signed(document: SignedDocument) -> tuple[Row, Row]:
    return Row("Signed by", document.signer), Row("Signed at", moment(document.signed_at))
