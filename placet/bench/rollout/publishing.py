"""The strategy of the bench, and who publishes it: keys of the bench's own, in a record that is removed with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from agents.catalogue import declared_facts
from placet.bench.governed import bench_administrator, without_contact_limits
from placet.bench.processes.place import Place
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.strategies.strategy import Strategy
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import create_key_file, public_bytes
from placet.service.documents import keys as key_operations
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.publishing import draft_of, keep_text
from placet.storage.database import Database

_PUBLISHER: Final = "bench-publisher"
_PASSPHRASE: Final = "placet-bench"  # noqa: S105 - it signs simulated changes only, and is removed with the folder

_COMMITS: Final = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when {
  principal.tenant == resource.tenant &&
  resource.kind == "adjust_balance" &&
  resource.currency == "USD" &&
  resource.cost_minor <= 2000
};
"""

_TEXT: Final = """\
form: placet-strategy/1
name: bench_rollout
title: Credits of the bench
about: A small credit for simulated customers who are likely to leave.
agent: retention
market: {{code: us, currency: USD, time_zone: America/Chicago}}
objective: {{measure: churn, direction: lower, within_days: 90}}
cohort: recharges_90d > 0
treatments:
  - code: small_credit
    title: Small credit
    action: {{kind: adjust_balance, of_monthly: 10 %, at_most: 10.00 USD, in_steps_of: 0.50 USD}}
    value: {{of: staying, removes: 15 %}}
contact:
  purpose: marketing
  channels: [agent]
  cool_down_days: 30
  period_days: 90
  most_per_period: 2
  after_refusal_days: 90
value: {{margin: 45 %, horizon_months: 12}}
budget: {{total: {budget}.00 USD, per_customer: 20.00 USD, period_days: 90}}
holdout: 10 %
rollout:
  stages: [50 %, 100 %]
  hold_days: 30
  per_hour: 1000000
  guard_rails:
    - {{measure: complaints, must_not: rise, by_more_than: 5 points, sample: 10, confidence: 95 %, then: step_back}}
term: {{first: {first}, last: {last}}}
"""


def bench_strategy(customers: int) -> Strategy:
    """Return a strategy whose budget is enough for so many credits, and whose rate bounds nothing."""
    today = datetime.now(UTC).date()
    text = _TEXT.format(budget=10 * customers, first=today - timedelta(days=2), last=today + timedelta(days=60))
    return strategy_of(text, "bench.yaml")


def with_commits(home: Path) -> Path:
    """Put policies into a folder of the bench's own that let the agent commit small credits within a mandate."""
    policies = without_contact_limits(home)
    file = policies / "demo" / "policy.cedar"
    file.write_text(file.read_text() + _COMMITS)
    return policies


def policies_of(place: Place) -> PolicySet:
    """Return the policy set of the bench's folder."""
    if place.policies is None:
        raise ValueError("the bench has no policies of its own")
    return PolicySet(read_policy_files(place.policies / "demo" / "policy.cedar"))


def publish(database: Database, place: Place, strategy: Strategy) -> MandateRecord:
    """Enrol a head of retention, and let them sign the strategy."""
    key = create_key_file(place.home / "publisher.pem", _PASSPHRASE)
    key_operations.enroll_key(
        database,
        name=_PUBLISHER,
        tenant="demo",
        roles=("retention_head",),
        limit=str(strategy.budget.total),
        public_key=public_bytes(key.private.public_key()),
        by=bench_administrator(place),
        expires_at=None,
    )
    facts = declared_facts("retention")
    keep_text(database, "demo", strategy)
    draft = draft_of(strategy, tenant="demo", drafted_by="bench-operator")
    envelope = sign_mandate(draft, facts, signer=_PUBLISHER, reason="", key=key)
    return take_mandate(database, envelope, tenant="demo", policies=policies_of(place), declared=facts)
