"""Telling people: notifications are written with the entry that causes them; the notifier delivers them afterwards."""

from datetime import datetime

from placet.contracts.gate import Gate
from placet.contracts.notification import RunOccasion
from placet.contracts.run import RunRequest
from placet.gate.context import GateContext
from placet.notify.notices import ASKING, roles_concerned, subject_of, text_of
from placet.storage.transaction import Transaction


def announce(
    context: GateContext,
    tx: Transaction,
    run: RunRequest,
    proposal: str,
    gate: Gate,
    occasion: RunOccasion,
    now: datetime,
) -> None:
    """Ask or tell, over every channel that the address book names, whoever `occasion` concerns; each of them once.

    Args:
        context: Names the address book and reads the proposal.
        tx: The transaction of the entry that causes it: both are committed, or neither.
        run: The run it concerns.
        proposal: Digest of what is proposed.
        gate: Who may decide.
        occasion: Why.
        now: The caller's clock.
    """
    document = context.proposal(run, proposal, tx)
    roles = roles_concerned(gate, occasion, now)
    subject = subject_of(run, document, occasion)
    for recipient in context.addresses.recipients(run.tenant, roles, occasion):
        role = recipient.role if occasion in ASKING else ""
        tx.outbox.add(
            tenant=run.tenant,
            about=run.run_id,
            matter=proposal,
            occasion=occasion,
            channel=recipient.channel,
            recipient=recipient.name,
            role=role,
            subject=subject,
            text=text_of(run, document, gate, occasion, role, context.addresses.console_url),
            at=now,
        )
