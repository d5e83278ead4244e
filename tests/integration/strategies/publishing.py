"""What tests of published strategies share: people who may sign one, a strategy whose term is now, its publication."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.strategy import Strategy
from placet.entrypoints.environment import CHECKOUT
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer, public_bytes
from placet.service.documents.keys import enroll_key
from placet.service.documents.mandates import sign_mandate
from placet.service.policy_files import read_policy_files
from placet.service.rollouts.ordering import order_of, sign_order
from placet.service.strategies.given import strategy_given
from placet.service.strategies.publishing import draft_of
from placet.storage.database import Database
from tests.support.enrolment import new_signer
from tests.support.facts import FACTS
from tests.unit.strategies.texts import SOUND

POLICIES: Final = PolicySet(read_policy_files(CHECKOUT / "agents" / "retention" / "policy.cedar"))
TERM: Final = "term: {first: 2026-12-01, last: 2027-02-28}"


def current(*edits: tuple[str, str]) -> str:
    """Return the sound text with a term around today, edited."""
    today = datetime.now(UTC).date()
    term = f"term: {{first: {today - timedelta(days=30)}, last: {today + timedelta(days=50)}}}"
    text = SOUND.replace(TERM, term)
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def strategy_of(text: str) -> Strategy:
    return strategy_given(text, "")


def head(database: Database, root: Signer, name: str = "hanna", tenant: str = "demo", **changes: Any) -> Signer:
    """Enroll somebody who may publish."""
    who = new_signer(name)
    terms = {"roles": ("retention_head",), "limit": "10000.00 USD", "expires_at": None, **changes}
    public = public_bytes(who.key.private.public_key())
    enroll_key(database, tenant=tenant, name=name, public_key=public, by=root, **terms)
    return who


def signed_mandate(text: str, by: Signer, *, tenant: str = "demo", drafted_by: str = "olga") -> str:
    """Return the signed mandate that publishes a text."""
    draft = draft_of(strategy_of(text), tenant=tenant, drafted_by=drafted_by)
    return sign_mandate(draft, FACTS, signer=by.name, reason="Q4", key=by.key)


def signed_order(database: Database, action: Any, by: Signer, wanted: str = "keep_at_risk") -> str:
    """Return a signed order to a rollout, the next one."""
    return sign_order(order_to(database, action, by, wanted), by.key)


def order_to(database: Database, action: Any, by: Signer, wanted: str = "keep_at_risk") -> RolloutOrder:
    """Return an order to a rollout, unsigned."""
    return order_of(
        database,
        tenant="demo",
        wanted=wanted,
        action=action,
        signer=by.name,
        reason="it is well",
        policies=lambda _agent: POLICIES,
    )
