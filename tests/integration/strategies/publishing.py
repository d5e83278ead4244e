"""What tests of published strategies share: people who may sign one, a strategy whose term is now, its publication."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.strategy import Strategy
from placet.entrypoints.environment import CHECKOUT
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer, public_bytes
from placet.service.cohorts import fold_all
from placet.service.documents.keys import enroll_key
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.rollouts.ordering import order_of, record_start, sign_order
from placet.service.rollouts.stepping import RolloutSteps
from placet.service.state.taking import take_events
from placet.service.strategies.given import strategy_given
from placet.service.strategies.publishing import draft_of, keep_text
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


def crowded(name: str, title: str = "Keep customers") -> str:
    """Return the text of a strategy for all who recharged, with guard rails that a crowd of 400 is enough for."""
    return current(
        ("name: keep_at_risk", f"name: {name}"),
        ("title: Keep customers who are likely to leave", f"title: {json.dumps(title)}"),
        ("cohort: churn_percent >= 30 AND tenure_days >= 90", "cohort: recharges_90d > 0"),
        ("by_more_than: 0.5 points, sample: 500", "by_more_than: 0.5 points, sample: 20"),
        ("by_more_than: 5 %, sample: 500", "by_more_than: 5 %, sample: 20"),
    )


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


def published(database: Database, text: str, by: Signer) -> str:
    """Publish a text in tenant demo; returns its version."""
    keep_text(database, "demo", strategy_of(text))
    envelope = signed_mandate(text, by)
    return str(take_mandate(database, envelope, tenant="demo", policies=POLICIES, declared=FACTS).mandate.strategy)


def crowd(database: Database) -> None:
    """Let 400 customers recharge, each another amount."""
    now = datetime.now(UTC)
    events = [
        {
            "specversion": "1.0",
            "id": f"recharge-{number}",
            "source": "bss",
            "type": "placet.balance.recharged.v1",
            "subject": f"customer:X{number:04}",
            "time": (now - timedelta(days=2)).isoformat(),
            "data": {"amount": {"amount_minor": 1000 + 7 * number, "currency": "USD"}},
        }
        for number in range(400)
    ]
    texts = [json.dumps(one).encode() for one in events]
    assert take_events(database, "demo", texts, now=now, oldest=now - timedelta(days=90)).refused == ()
    fold_all(database, "demo")


def rolled(database: Database, version: str, *, looks: int, by: str = "olga") -> None:
    """Start a rollout that no workflow carries, take its members down, and look at it once a day."""
    asked = record_start(database, tenant="demo", wanted=version, by=by, policies=lambda _agent: POLICIES)
    for day in range(looks + 1):
        at = datetime.now(UTC) + timedelta(days=day)
        steps = RolloutSteps(database, lambda _tenant, _agent: POLICIES, lambda at=at: at)  # type: ignore[misc]
        steps.stand(asked)
        if day:
            steps.look(asked)
        else:
            steps.batch(asked)
