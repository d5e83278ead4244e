"""Published strategies: where each version stands, and what a person is asked to sign to publish one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate, MandateRecord
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import NAME, WORDS, one_line
from placet.contracts.times import minute, moment
from placet.decisioning.strategies.telling import told
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.console.views.common import Badge
from placet.interfaces.console.views.governance.mandates import mandate_of
from placet.interfaces.console.views.statement import Row, ToSign
from placet.service.strategies.publishing import PublishedStrategy

_SHOWN: Final = 16
"""Of a digest, in characters."""
_COUNTS_NO_MORE: Final = "does_not_count"


@dataclass(frozen=True, slots=True)
class PublishedShown:
    """A published version.

    Attributes:
        reaches: Where its rollout stands; `nobody` where it is not in force.
        over: Why it is not in force, in words; empty where it is.
    """

    name: str
    version: str
    title: str
    badge: Badge
    reaches: str
    left: str
    budget: str
    left_minor: int
    budget_minor: int
    signer: str
    signed_at: datetime
    drafted_by: str
    reason: str
    valid_until: datetime
    mandate_id: str
    over: str
    in_force: bool


def published_of(found: PublishedStrategy, now: datetime) -> PublishedShown:
    """Return how a published version is shown."""
    record, mandate = found.record, found.record.mandate
    signature = found.signature if found.state == _COUNTS_NO_MORE else "good"
    shown = mandate_of(record, now, signature)
    fault = one_line(found.signature.partition(": ")[2] or found.signature, WORDS)
    badge = shown.badge
    over = f"It does not count: {fault}" if found.state == _COUNTS_NO_MORE else ""
    if record.revoked_at is not None:
        over = f"Withdrawn {minute(record.revoked_at)} by {record.revoked_by}: {record.revoked_reason or 'no reason'}"
        replaced = (record.revoked_reason or "").startswith("replaced by version ")
        badge = Badge("Replaced" if replaced else "Withdrawn", "quiet")
    return PublishedShown(
        name=mandate.name,
        version=found.version,
        title=one_line(found.title, NAME) or "(its text is gone)",
        badge=badge,
        reaches=one_line(found.rollout, WORDS) if found.in_force else "nobody",
        left=shown.left,
        budget=shown.budget,
        left_minor=shown.left_minor,
        budget_minor=shown.budget_minor,
        signer=mandate.signer,
        signed_at=mandate.signed_at,
        drafted_by=mandate.drafted_by,
        reason=mandate.reason,
        valid_until=record.revoked_at or mandate.valid_until,
        mandate_id=mandate.document_id,
        over=one_line(over, WORDS),
        in_force=found.in_force,
    )


def told_in_parts(strategy: Strategy) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """Return a strategy in words, by parts."""
    return tuple(
        (one_line(group, NAME), tuple(Row(one_line(line.heading, NAME), line.words) for line in lines))
        for group, lines in groupby(told(strategy), key=lambda line: line.group)
    )


def publication_to_sign(
    payload: bytes,
    mandate: Mandate,
    strategy: Strategy,
    replaced: Sequence[MandateRecord],
    *,
    idle: bool,
    brings: str = "",
) -> ToSign:
    """Return how the publication of a strategy is shown.

    Args:
        payload: The statement.
        mandate: As read from it.
        strategy: The text of the digest that the mandate names.
        replaced: The mandates of earlier versions that it would replace.
        idle: Whether policy lets the agent commit nothing.
        brings: What it would bring, by decisions of the version before; empty where there is none.
    """
    name, version = one_line(mandate.name, NAME), str(mandate.strategy)
    return ToSign(
        title=f"Publish strategy {name}?",
        sentence=(
            f"Your signature is for this exact version of “{one_line(strategy.title, NAME)}”. Runs may carry it out "
            f"from {moment(mandate.valid_from)} until {moment(mandate.valid_until)}, and what they propose within its "
            "bounds and policy needs no decision each."
        ),
        button="Publish it, with your passkey",
        tone="good",
        rows=(
            Row("Strategy", name),
            Row("Version", f"{version[:_SHOWN]}…"),
            Row("Replaces", _replaced(replaced)),
            Row("One customer", f"at most {mandate.cap_per_customer} in {mandate.period_days} days"),
            Row("In all", f"at most {mandate.budget}"),
            Row("Written by, as the draft says", mandate.drafted_by),
            Row("Signed by", mandate.signer),
            Row("Signed at", moment(mandate.signed_at)),
        ),
        reason=mandate.reason,
        digest=sha256_hex(payload),
        back="/strategies",
        beside=(
            "It names the strategy by its SHA-256. What the strategy says is read from the very text of that digest; "
            "which version it replaces, from the record."
        ),
        notes=(*_notes(replaced, idle=idle), *((f"{brings}.",) if brings else ())),
        told=told_in_parts(strategy),
    )


def _replaced(replaced: Iterable[MandateRecord]) -> str:
    said = [
        f"version {str(one.strategy)[:_SHOWN]}…, signed by {one.signer} at {moment(one.signed_at)}"
        for one in (it.mandate for it in replaced)
    ]
    return "; ".join(said) or "no other version"


def _notes(replaced: Iterable[MandateRecord], *, idle: bool) -> tuple[str, ...]:
    notes = [
        f"Of the version that it replaces, {Money(amount_minor=one.spent_minor, currency=one.mandate.budget.currency)} "
        f"of {one.mandate.budget} is spent; that does not count in the new budget."
        for one in replaced
    ]
    if idle:
        notes.append("Policy has no permit to commit for this agent: each proposal of its runs waits for a person.")
    return tuple(notes)
