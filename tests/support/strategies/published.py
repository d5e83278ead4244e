"""A strategy that is published at the steps of a run, and customers of the sandbox whose live state is known."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from activities.execute import Execute
from activities.propose import Propose
from activities.resources import WorkerResources
from placet.contracts.analysis.outcome import ProposalOutcome
from placet.contracts.audit import AuditEvent
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.people.merge import MergeRecord
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import ExecuteInput, Proposed
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import Assignment, assign
from placet.gate.strategies.published import Published, published
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer
from placet.network.client import plain_client
from placet.service import runs as run_operations
from placet.service.documents.mandates import revoke_mandate, sign_mandate, take_mandate
from placet.service.documents.merges import sign_merge, take_merge
from placet.service.runs import Carries
from placet.service.state.taking import take_events
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.publishing import carried, draft_of, keep_text
from placet.storage.database import Database
from tests.support.facts import FACTS
from tests.support.steps import Steps

COMMIT: Final = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { resource.kind == "adjust_balance" && resource.currency == "USD" && resource.cost_minor <= 2000 };
"""
"""Policy's permit for the agent to commit small credits within a mandate."""

TEXT: Final = """\
form: placet-strategy/1
name: keep_at_risk
title: Keep customers who are likely to leave
about: A credit for customers who are likely to leave, before they do.
agent: retention
market: {{code: us, currency: USD, time_zone: America/Chicago}}
objective: {{measure: churn, direction: lower, within_days: 90}}
cohort: churn_percent >= 30 AND recharges_90d > 0
treatments:
  - code: loyalty_credit
    title: Loyalty credit
    action: {{kind: adjust_balance, of_monthly: 20 %, at_most: 20.00 USD, in_steps_of: 0.50 USD}}
    eligible:
      - {{when: open_tickets = 0, code: open_ticket, otherwise: has an open support ticket}}
    because:
      - {{when: churn_percent >= 60, code: high_risk, says: We would like to keep you.}}
    value: {{of: staying, removes: 15 %}}
  - code: small_credit
    title: Small credit
    action: {{kind: adjust_balance, of_monthly: 10 %, at_most: 10.00 USD, in_steps_of: 0.50 USD}}
    eligible:
      - {{when: open_tickets = 0, code: open_ticket, otherwise: has an open support ticket}}
    value: {{of: staying, removes: 10 %}}
contact:
  purpose: marketing
  channels: [agent, sms]
  cool_down_days: 30
  period_days: 90
  most_per_period: 2
  after_refusal_days: 90
  quiet_hours: {quiet}
value: {{margin: 45 %, horizon_months: 12}}
budget: {{total: 100.00 USD, per_customer: 20.00 USD, period_days: 90}}
holdout: 20 %
arms:
  - {{name: both, share: 50 %, treatments: [loyalty_credit, small_credit]}}
  - {{name: small, share: 50 %, treatments: [small_credit]}}
rollout:
  stages: [60 %, 100 %]
  hold_days: 14
  per_hour: 500
  guard_rails:
    - {{measure: complaints, must_not: rise, by_more_than: 0.5 points, sample: 500, confidence: 95 %, then: step_back}}
term: {{first: {first}, last: {last}}}
"""
"""Of two credits the larger is worth more to whoever is likely to leave, and half of the customers get the smaller."""

SPENT_MINOR: Final = 12_000
"""What each customer recharged in 90 days: 40.00 USD a month, so that a loyalty credit is of 8.00 USD."""
COST: Final = 800

IN_BOTH: Final = "C00006"
ALSO_IN_BOTH: Final = "C00054"
IN_SMALL: Final = "C00005"
NOT_REACHED: Final = "C00037"
HELD: Final = "C00040"
"""Customers of the sandbox who are likely to leave, by how strategy `keep_at_risk` draws them: `draw` says so."""


def text(*edits: tuple[str, str], quiet: str = "21:00 to 09:00", days: int = 60) -> str:
    """Return the text of a strategy that runs now; each first text is replaced by the second."""
    today = datetime.now(UTC).date()
    whole = TEXT.format(quiet=quiet, first=today - timedelta(days=2), last=today + timedelta(days=days))
    for old, new in edits:
        assert whole.count(old) >= 1, f"{old!r} is not there"
        whole = whole.replace(old, new)
    return whole


def strategy(*edits: tuple[str, str], **others: Any) -> Strategy:
    """Return the strategy of that text."""
    return strategy_of(text(*edits, **others), "strategy.yaml")


def draw(of: Strategy, customer_id: str) -> Assignment:
    """Return where a customer stands."""
    return assign(of.name, customer_id, holdout_bp=of.holdout, weights={arm.name: arm.share for arm in of.arms})


def happens(database: Database, customer: str, kind: str, data: dict[str, Any], *, hours: float = 1) -> None:
    """Take in an event of a customer, of so many hours ago."""
    now = datetime.now(UTC)
    event = {
        "specversion": "1.0",
        "id": secrets.token_hex(8),
        "source": "bss",
        "type": f"placet.{kind}.v1",
        "subject": f"customer:{customer}",
        "time": (now - timedelta(hours=hours)).isoformat(),
        "data": data,
    }
    taken = take_events(database, "demo", [json.dumps(event).encode()], now=now, oldest=now - timedelta(days=400))
    assert taken.refused == ()


def let_be_at_risk(database: Database, *customers: str) -> None:
    """Let customers recharge, and agree to marketing."""
    for customer in customers:
        amount = {"amount_minor": SPENT_MINOR, "currency": "USD"}
        happens(database, customer, "balance.recharged", {"amount": amount}, hours=48)
        happens(database, customer, "consent.changed", {"purpose": "marketing", "given": True}, hours=72)


@dataclass
class Shop:
    """An installation whose policy lets the agent commit small credits, and who publishes strategies in it."""

    steps: Steps
    hanna: Signer
    bss_url: str
    home: Path

    @property
    def database(self) -> Database:
        return self.steps.parts.database

    @property
    def policy_file(self) -> Path:
        return self.home / "policies" / "demo" / "policy.cedar"

    @property
    def policies(self) -> PolicySet:
        return self.steps.parts.context.policies("demo", "retention")

    def happens(self, customer: str, kind: str, data: dict[str, Any], *, hours: float = 1) -> None:
        """Take in an event of a customer, of so many hours ago."""
        happens(self.database, customer, kind, data, hours=hours)

    def at_risk(self, *customers: str) -> None:
        """Let customers recharge, and agree to marketing."""
        let_be_at_risk(self.database, *customers)

    def signed(
        self, one: Strategy, *, by: Signer | None = None, drafted_by: str = "olga", signed_as: str = "", **bent: Any
    ) -> str:
        """Sign the mandate that publishes a strategy; any field of it may be bent."""
        draft = draft_of(one, tenant="demo", drafted_by=drafted_by).model_copy(update=bent)
        who = by or self.hanna
        return sign_mandate(draft, FACTS, signer=signed_as or who.name, reason="", key=who.key)

    def take(self, envelope: str) -> MandateRecord:
        """Hand a signed mandate in."""
        return take_mandate(self.database, envelope, tenant="demo", policies=self.policies, declared=FACTS)

    def publish(self, one: Strategy, **others: Any) -> MandateRecord:
        """Sign a strategy and hand it in."""
        keep_text(self.database, "demo", one)
        return self.take(self.signed(one, **others))

    def plain_mandate(self, one: Strategy) -> MandateRecord:
        """Sign a mandate with the bounds of a strategy that publishes none."""
        return self.take(self.signed(one, strategy=None))

    def revoke(self, record: MandateRecord, reason: str = "enough") -> None:
        """Withdraw a mandate."""
        revoke_mandate(self.database, tenant="demo", mandate_id=record.mandate.document_id, by="olga", reason=reason)

    def run(self, one: Strategy, customer: str = IN_BOTH, *, key: str = "first", channel: str = "agent") -> Steps:
        """Ask for a run of a published strategy."""
        return self.carrying(
            carried(self.database, "demo", one.name, channel, lambda _: self.policies, datetime.now(UTC)), customer, key
        )

    def carrying(self, carries: Carries | None, customer: str, key: str) -> Steps:
        """Ask for a run, whatever it carries out."""
        request = run_operations.build_request(
            tenant="demo",
            customer_id=customer,
            agent="retention",
            requested_by="olga",
            key=key,
            agents=("retention",),
            carries=carries,
        )
        run_operations.record_request(self.database, request)
        return replace(self.steps, run=request)

    def spent(self, record: MandateRecord) -> int:
        """Return what of a mandate's budget is spent."""
        with self.database.reading() as tx:
            found = tx.mandates.get("demo", record.mandate.document_id)
        assert found is not None
        return found.spent_minor

    def adjustments(self) -> int:
        """Return how many credits the BSS booked."""
        with plain_client(5, base_url=self.bss_url) as bss:
            return int(bss.get("/sandbox/effects").raise_for_status().json()["adjustments"])

    def merge(self, kept: str, other: str) -> MergeRecord:
        """Sign that two ids are one person."""
        who = self.hanna
        envelope = sign_merge(
            tenant="demo",
            name=who.name,
            customer_id=kept,
            merged_id=other,
            drafted_by="olga",
            reason="same",
            key=who.key,
        )
        return take_merge(self.database, envelope, tenant="demo", policies={"retention": self.policies})


def events(steps: Steps, kind: str) -> list[AuditEvent]:
    """Return the entries of one kind of a run."""
    with steps.parts.database.reading() as tx:
        return [event for event in tx.audit.read(steps.run.run_id) if event.kind == kind]


def passed_over(steps: Steps) -> list[tuple[str, str]]:
    """Return the code and reason for which each mandate did not clear a run's proposal."""
    found = [one for event in events(steps, "mandate.passed_over") for one in event.body["reasons"]]
    return [(one["code"], one["detail"]) for one in found]


def proposal_of(steps: Steps, proposed: Proposed) -> Proposal:
    """Return what was proposed."""
    with steps.parts.database.reading() as tx:
        return tx.artifacts.get_model(str(proposed.digest), Proposal, tenant="demo")


def execute(steps: Steps, proposed: Proposed, context: WorkerResources | None = None) -> ExecutionResult:
    """Execute what a mandate cleared."""
    effect = ExecuteInput(run=steps.run, proposal=str(proposed.digest), decisions=())
    done: ExecutionResult = steps.call(Execute(context or steps.parts.context).execute, effect)
    return done


def a_worker_gone_bad(monkeypatch: pytest.MonkeyPatch, bend: Callable[[Proposal], Proposal]) -> None:
    """Let the worker write another proposal than the strategy made; its evidence and the record stay as they are."""
    honest = Propose._outcome

    def bent(self: Propose, *arguments: Any) -> ProposalOutcome:
        outcome = honest(self, *arguments)
        assert outcome.proposal is not None, outcome.summary
        return replace(outcome, proposal=bend(outcome.proposal))

    monkeypatch.setattr(Propose, "_outcome", bent)


def a_worker_with_another_text(monkeypatch: pytest.MonkeyPatch, other: Callable[[Strategy], Strategy]) -> None:
    """Let the worker decide by what it makes of the published text, and say that it was the published one."""

    def bent(*arguments: Any) -> Published:
        found = published(*arguments)
        strategy = other(found.strategy)
        return found._replace(strategy=strategy, reached=strategy.rollout.stages[0])

    monkeypatch.setattr("placet.gate.strategies.proposing.published", bent)


@pytest.fixture
def shop(steps: Steps, tmp_path: Path, bss_url: str) -> Shop:
    made = Shop(steps, steps.approver("hanna", "retention_head"), bss_url, tmp_path)
    made.policy_file.write_text(made.policy_file.read_text() + COMMIT)
    made.at_risk(IN_BOTH, IN_SMALL, NOT_REACHED, HELD)
    return made
