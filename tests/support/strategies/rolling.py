"""A rollout for tests: a crowd whose state is known, its steps called one by one, a clock that is set."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pytest
from sqlalchemy import text

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.run import RunRequest, RunState
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from placet.contracts.strategies.strategy import Strategy
from placet.governance.log.key import LogIdentity
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer
from placet.notify.address_book import AddressBook
from placet.service.cohorts import fold_all
from placet.service.rollouts.coming import Comings
from placet.service.rollouts.ordering import order_of, record_start, sign_order, stop_rollout, take_order
from placet.service.rollouts.showing import ShownRollout, show_rollout
from placet.service.rollouts.stepping import RolloutSteps
from placet.service.state.following import follow_changes
from placet.service.state.taking import take_events
from placet.storage.database import Database
from placet.storage.strategies.rollouts import MemberRow
from tests.support.databases import STOCKS
from tests.support.strategies.published import Shop, strategy

CROWD: Final = tuple(f"X{number:04}" for number in range(400))


def everybody(*edits: tuple[str, str], quiet: str = "00:00 to 00:01") -> Strategy:
    """Return a strategy for all who recharge, with a guard rail that a crowd is enough for."""
    usual = (
        ("cohort: churn_percent >= 30 AND recharges_90d > 0", "cohort: recharges_90d > 0"),
        ("sample: 500", "sample: 20"),
        ("per_hour: 500", "per_hour: 100000"),
    )
    return strategy(*usual, *edits, quiet=quiet)


@dataclass
class Rolling:
    """The rollout of one strategy."""

    shop: Shop
    of: Strategy
    asked: RolloutAsked
    later: timedelta = field(default_factory=timedelta)
    book: AddressBook | None = None
    identity: Callable[[], LogIdentity] | None = None

    @property
    def now(self) -> datetime:
        """The time that its steps are told."""
        return datetime.now(UTC) + self.later

    @property
    def steps(self) -> RolloutSteps:
        policies = lambda _tenant, _agent: self.shop.policies  # noqa: E731
        return RolloutSteps(self.shop.database, policies, lambda: self.now, book=self.book, identity=self.identity)

    def policies(self, _agent: str) -> PolicySet:
        return self.shop.policies

    def stand(self) -> RolloutStep:
        return self.steps.stand(self.asked)

    def reach(self) -> list[str]:
        """Start all runs of the stage, and return for whom."""
        started: list[str] = []
        while self.stand().phase == "reaching":
            requests = self.steps.batch(self.asked)
            self.steps.note(self.asked, requests)
            started += [request.customer_id for request in requests]
            self.over(request.run_id for request in requests if isinstance(request, RunRequest))
        return started

    def follow(self, tell: Callable[[RolloutAsked], None] | None = None) -> list[str]:
        """Fold what has arrived, tell of everybody whose state changed, and return which rollouts were told.

        `tell` stands in for what tells a rollout, such as one that dies.
        """
        database, told = self.shop.database, list[str]()
        hears = Comings(
            database,
            lambda _tenant, _agent: self.shop.policies,
            lambda: self.now,
            tell or (lambda asked: told.append(asked.strategy)),
            kept_seconds=0,
        )
        fold_all(database, "demo")
        while follow_changes(database, "demo", (hears,), self.now):
            pass
        return told

    def look(self, *, days: float = 1) -> ShownRollout:
        """Let days pass, and look."""
        self.later += timedelta(days=days)
        assert self.stand().phase == "looking"
        self.steps.look(self.asked)
        return self.shown()

    def shown(self) -> ShownRollout:
        return show_rollout(self.shop.database, "demo", self.of.name, self.policies)

    def stop(self, how: Literal["pause", "abort"], by: str = "olga") -> ShownRollout:
        return stop_rollout(
            self.shop.database, tenant="demo", wanted=self.of.name, how=how, by=by, reason="", policies=self.policies
        )

    def order(self, action: Literal["promote", "resume"], who: Signer | None = None) -> RolloutOrder:
        """Return the order that is next."""
        return order_of(
            self.shop.database,
            tenant="demo",
            wanted=self.of.name,
            action=action,
            signer=(who or self.shop.hanna).name,
            reason="",
            policies=self.policies,
        )

    def signed(self, order: RolloutOrder, who: Signer | None = None, **bent: Any) -> str:
        """Sign an order; any field of it may be bent."""
        return sign_order(order.model_copy(update=bent), (who or self.shop.hanna).key)

    def take(self, envelope: str) -> RolloutOrder:
        return take_order(self.shop.database, envelope, tenant="demo", policies=self.policies)

    def members(self) -> tuple[MemberRow, ...]:
        with self.shop.database.reading() as tx:
            return tx.rollouts.between("demo", self.asked.version, "", "~")

    def entry(self, kind: str, number: int = 1) -> AuditEvent | None:
        with self.shop.database.reading() as tx:
            return tx.audit.find(tenant_stream("demo"), f"{kind}.{self.asked.version}.{number}")

    def end(self, run_id: str, state: RunState) -> None:
        """Let a run have ended so."""
        with self.shop.database.transaction() as tx:
            tx.connection.execute(
                text("UPDATE run SET state = :state, updated_at = :at WHERE run_id = :run"),
                {"state": state, "at": _stored(tx.connection.dialect.name), "run": run_id},
            )

    def over(self, runs: Iterable[str]) -> None:
        """Let runs end: nobody carries them here."""
        with self.shop.database.transaction() as tx:
            for run_id in runs:
                tx.runs.set_state(run_id, "no_action", at=self.now, code="nothing_proposed")


def _stored(dialect: str) -> Any:
    now = datetime.now(UTC)
    return now.replace(tzinfo=None).isoformat(" ") if dialect == "sqlite" else now


def coming(*edits: tuple[str, str], quiet: str = "00:00 to 00:01") -> Strategy:
    """Return a strategy that takes whoever recharges as they come."""
    return everybody(
        ("  stages: [60 %, 100 %]", "  enters: as_they_come\n  stages: [60 %, 100 %]"), *edits, quiet=quiet
    )


def crowd(shop: Shop, customers: Iterable[str] = CROWD) -> None:
    """Let a crowd recharge, two days ago."""
    _recharge(shop.database, customers)


def _recharge(database: Database, customers: Iterable[str]) -> None:
    at = datetime.now(UTC) - timedelta(hours=48)
    data = {"amount": {"amount_minor": 12_000, "currency": "USD"}}
    _happen(database, customers, "balance.recharged", data, at)


def _crowd(database: Database) -> None:
    _recharge(database, CROWD)
    fold_all(database, "demo")


STOCKS["crowded"] = _crowd


@pytest.fixture
def crowded(shop: Shop) -> Shop:
    """Return the installation in which the whole crowd has recharged."""
    return shop


def complain(shop: Shop, customers: Iterable[str]) -> None:
    """Let customers open a support ticket each, now."""
    ticket = {"ticket_id": "T-1", "status": "opened", "topic": "bill"}
    happen(shop, customers, "support.ticket", ticket, datetime.now(UTC))


def happen(shop: Shop, customers: Iterable[str], kind: str, data: dict[str, Any], at: datetime) -> None:
    """Take in one event of each customer."""
    _happen(shop.database, customers, kind, data, at)


def _happen(database: Database, customers: Iterable[str], kind: str, data: dict[str, Any], at: datetime) -> None:
    events = [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{kind}-{customer}-{at.timestamp()}",
                "source": "bss",
                "type": f"placet.{kind}.v1",
                "subject": f"customer:{customer}",
                "time": at.isoformat(),
                "data": data,
            }
        ).encode()
        for customer in customers
    ]
    now = datetime.now(UTC)
    taken = take_events(database, "demo", events, now=now, oldest=now - timedelta(days=400))
    assert taken.refused == ()


def started(shop: Shop, of: Strategy, *, by: str = "olga") -> Rolling:
    """Publish a strategy and start its rollout."""
    shop.publish(of)
    asked = record_start(shop.database, tenant="demo", wanted=of.name, by=by, policies=lambda _: shop.policies)
    return Rolling(shop, of, asked)
