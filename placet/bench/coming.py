"""`placet bench coming`: how fast customers come into strategies as something happens to them.

One database, 50 published strategies whose rollouts take customers as they come, and a crowd to whom something happens.
What is measured is what the worker does between an event and the wake of a rollout: folding, asking all strategies,
taking down. Beside it, in the same run, the folding alone. All customers are simulated; SQLite.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from agents.catalogue import declared_facts
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.packages import market_named, package_named, written
from placet.entrypoints.environment import CHECKOUT
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer, create_key_file, public_bytes
from placet.interfaces.cli import output
from placet.service.cohorts import fold_all
from placet.service.documents import keys as key_operations
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.rollouts.coming import Comings
from placet.service.rollouts.ordering import record_start
from placet.service.state.following import follow_changes
from placet.service.state.taking import take_events
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.publishing import draft_of, keep_text
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust

STRATEGIES: Final = 50
_TENANT: Final = "bench"
_AGENT: Final = "retention"
_PASSPHRASE: Final = "bench"  # noqa: S105 - of a key that is made for the run and thrown away


@dataclass(frozen=True, slots=True)
class Came:
    """What was measured.

    Attributes:
        events_per_second: Events, from their folding to the wake of rollouts.
        folding_alone: The same without anybody who follows.
        members: How many were taken down, over all strategies.
        one_ms: How long one customer's event took alone, of the run in the middle.
    """

    customers: int
    strategies: int
    events: int
    events_per_second: float
    folding_alone: float
    members: int
    one_ms: float


def bench_coming(*, customers: int, as_json: bool) -> int:
    """Measure, and print the figures.

    Returns:
        0; a slow machine is a figure, not a failure.
    """
    found = measure(customers)
    if as_json:
        output.print_text(json.dumps(asdict(found)))
        return 0
    output.print_line(
        f"{found.events:,} simulated events of {found.customers:,} customers, {found.strategies} strategies that take "
        f"customers as they come: {found.events_per_second:,.0f} events/s from folding to waking "
        f"({found.folding_alone:,.0f} events/s of folding alone); {found.members:,} came in; one event alone "
        f"{found.one_ms:,.0f} ms"
    )
    return 0


def measure(customers: int, strategies: int = STRATEGIES) -> Came:
    """Measure once, on a database of its own that is removed."""
    policies = PolicySet(read_policy_files(CHECKOUT / "agents" / _AGENT / "policy.cedar"))
    crowd = [f"C{number:06d}" for number in range(customers)]
    with _database() as (database, folder):
        hears = Comings(database, lambda _tenant, _agent: policies, _now, lambda _asked: None)
        _publish(database, folder, policies, strategies)
        _happens(database, crowd, 0)
        alone, events = _seconds(lambda: fold_all(database, _TENANT)), customers
        _follow(database, hears)
        _happens(database, crowd, 1)
        both = _seconds(lambda: _fold_and_follow(database, hears))
        ones = []
        for number in range(2, 9):
            _happens(database, crowd[:1], number)
            ones.append(_seconds(lambda: _fold_and_follow(database, hears)))
        with database.reading() as tx:
            versions = [asked.version for asked in tx.coming.open(_TENANT, _now())]
            members = sum(tx.rollouts.counts(_TENANT, version, 10_000).members for version in versions)
    middle = sorted(ones)[len(ones) // 2]
    return Came(customers, strategies, events, events / both, events / alone, members, middle * 1000)


def _now() -> datetime:
    return datetime.now(UTC)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _database() -> Iterator[tuple[Database, Path]]:
    with (
        TemporaryDirectory(prefix="placet-bench-") as folder,
        Database(f"sqlite:///{folder}/coming.db", trust=Trust(Path(folder) / "administrators")) as database,
    ):
        database.migrate()
        yield database, Path(folder)


def _fold_and_follow(database: Database, hears: Comings) -> None:
    fold_all(database, _TENANT)
    _follow(database, hears)


def _follow(database: Database, hears: Comings) -> None:
    while follow_changes(database, _TENANT, (hears,), _now()):
        pass


def _happens(database: Database, crowd: list[str], number: int) -> None:
    now = _now()
    said = [
        {
            "specversion": "1.0",
            "id": f"{number}-{customer}",
            "source": "simulated",
            "type": "placet.balance.checked.v1",
            "subject": f"customer:{customer}",
            "time": (now - timedelta(seconds=1)).isoformat(),
            "data": {},
        }
        for customer in crowd
    ]
    texts = [json.dumps(one).encode() for one in said]
    take_events(database, _TENANT, texts, now=now, oldest=now - timedelta(days=400))


def _strategy(number: int) -> Strategy:
    """Return one strategy: its cohort has everybody to whom it happened twice, or none of them."""
    first = (_now() - timedelta(days=1)).date()
    text = written(
        package_named("third_balance_check"),
        market_named("us"),
        name=f"bench_{number}",
        monthly=None,
        first=first,
        days=90,
    )
    checks = 2 if number % 2 == 0 else 1_000 + number
    return strategy_of(text.replace("balance_checks_7d >= 3", f"balance_checks_7d >= {checks}", 1), "bench")


def _publish(database: Database, folder: Path, policies: PolicySet, many: int) -> None:
    root = Signer("root", create_key_file(folder / "root.pem", _PASSPHRASE))
    head = Signer("head", create_key_file(folder / "head.pem", _PASSPHRASE))
    key_operations.bootstrap_administrator(database, tenant=_TENANT, by=root)
    key_operations.enroll_key(
        database,
        name=head.name,
        tenant=_TENANT,
        roles=("retention_head",),
        limit="100000.00 USD",
        public_key=public_bytes(head.key.private.public_key()),
        by=root,
        expires_at=_now() + timedelta(days=1),
    )
    declared = declared_facts(_AGENT)
    for number in range(many):
        strategy = _strategy(number)
        keep_text(database, _TENANT, strategy)
        draft = draft_of(strategy, tenant=_TENANT, drafted_by="olga")
        envelope = sign_mandate(draft, declared, signer=head.name, reason="", key=head.key)
        take_mandate(database, envelope, tenant=_TENANT, policies=policies, declared=declared)
        record_start(database, tenant=_TENANT, wanted=strategy.name, by="olga", policies=lambda _agent: policies)
