"""What the tests of passkeys share: a person with one, and what they sign with it."""

import secrets
from datetime import UTC, datetime
from typing import Any

from placet.contracts.people.decision import DecisionPredicate, Verdict
from placet.governance.signing.statement import decision_payload
from placet.service.documents.keys import enroll_key
from tests.support.authenticator import Authenticator
from tests.support.world import World


def enrolled(
    world: World, name: str = "anna", *, roles: tuple[str, ...] = ("retention_lead",), **device: Any
) -> Authenticator:
    """A passkey that the administrator enrolled for `name`."""
    made = Authenticator(**device)
    request = made.request(name)
    enroll_key(
        world.database,
        name=name,
        tenant=world.settings.tenant,
        roles=roles,
        limit="500.00 USD",
        public_key=made.public_key,
        by=world.root,
        expires_at=None,
        passkey=request.passkey,
    )
    return made


def statement(
    world: World, run_id: str, name: str = "anna", verdict: Verdict = "approve", at: datetime | None = None
) -> bytes:
    """What `name` signs to decide the pending proposal."""
    record = world.record(run_id)
    predicate = DecisionPredicate(
        tenant=record.tenant,
        run_id=run_id,
        verdict=verdict,
        approver=name,
        decided_at=at or datetime.now(UTC),
        decision_id=secrets.token_hex(16),
    )
    return decision_payload(str(record.proposal), predicate)
