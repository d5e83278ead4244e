"""A published strategy for customers of the sandbox, in an installation with a worker."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.strategy import Strategy
from placet.governance.policy.set import PolicySet
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.rollouts.ordering import start_rollout
from placet.service.state.taking import take_events
from placet.service.strategies.publishing import draft_of, keep_text
from tests.support.facts import FACTS
from tests.support.strategies.published import COMMIT, strategy
from tests.support.world import World

CUSTOMERS: Final = tuple(f"C{number:05}" for number in range(1, 13))


def policies_of(world: World) -> Callable[[str], PolicySet]:
    """Return what reads the policies in force."""
    return lambda _agent: PolicySet(read_policy_files(world.policy_file))


def roll_out(
    world: World, title: str = "Keep customers", *edits: tuple[str, str], commits: bool = True
) -> RolloutAsked:
    """Publish a strategy for all who recharge, let the agent commit small credits if asked, and start the rollout.

    Worlds share one Temporal server, where a rollout and its runs are called by the strategy's version: a title of its
    own makes another one.
    """
    of, policies = publish(world, title, *edits, commits=commits), policies_of(world)
    return world.run(
        start_rollout(world.database, world.engine, tenant="demo", wanted=of.name, by="olga", policies=policies)
    )


def publish(world: World, title: str, *edits: tuple[str, str], commits: bool = True) -> Strategy:
    """Publish a strategy for all who recharge, and let the agent commit small credits if asked."""
    if commits:
        world.edit_policy(lambda policy: policy + COMMIT)
    of: Strategy = strategy(
        ("cohort: churn_percent >= 30 AND recharges_90d > 0", "cohort: recharges_90d > 0"),
        ("title: Keep customers who are likely to leave", f"title: {title}"),
        ("per_hour: 500", "per_hour: 100000"),
        *edits,
        quiet="00:00 to 00:01",
    )
    let_recharge(world)
    hanna = world.approver("hanna", roles=("retention_head",), limit="5000.00 USD")
    keep_text(world.database, "demo", of)
    draft = draft_of(of, tenant="demo", drafted_by="otto")
    envelope = sign_mandate(draft, FACTS, signer=hanna.name, reason="", key=hanna.key)
    take_mandate(world.database, envelope, tenant="demo", policies=policies_of(world)("retention"), declared=FACTS)
    return of


def let_recharge(world: World) -> None:
    """Let customers recharge, and agree to marketing."""
    now = datetime.now(UTC)
    said = (
        ("balance.recharged", {"amount": {"amount_minor": 12_000, "currency": "USD"}}, 48),
        ("consent.changed", {"purpose": "marketing", "given": True}, 72),
    )
    events = [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"{kind}-{customer}",
                "source": "bss",
                "type": f"placet.{kind}.v1",
                "subject": f"customer:{customer}",
                "time": (now - timedelta(hours=hours)).isoformat(),
                "data": data,
            }
        ).encode()
        for customer in CUSTOMERS
        for kind, data, hours in said
    ]
    taken = take_events(world.database, "demo", events, now=now, oldest=now - timedelta(days=400))
    assert taken.refused == ()


def phase_of(world: World, asked: RolloutAsked) -> str:
    """Return what a rollout does."""
    with world.database.reading() as tx:
        row = tx.rollouts.get("demo", asked.version)
    assert row is not None
    return row.phase


def all_over(world: World, asked: RolloutAsked) -> bool:
    """Return whether no run of a rollout is under way."""
    with world.database.reading() as tx:
        return tx.rollouts.under_way("demo", asked.version) == 0
