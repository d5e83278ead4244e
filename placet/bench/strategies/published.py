"""What one decision by 50 published strategies costs: all is read and checked at each call (SQLite).

The reference is the same decision where nothing is remembered: each signature is verified and each text read anew. Both
must give the same answer.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.bench.folder import temporary_folder
from placet.bench.strategies.deciding import STRATEGIES, Decided, Numbers, strategy_of_bench
from placet.contracts.customer import Declared
from placet.contracts.strategies.strategy import Term
from placet.entrypoints.environment import CHECKOUT
from placet.errors import UsageError
from placet.gate.strategies.published import forget_read
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer, SigningKey, key_id_of, public_bytes
from placet.governance.signing.signed import forget_verified
from placet.service.documents.keys import bootstrap_administrator, enroll_key
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.state.taking import take_events
from placet.service.strategies.deciding import PublishedDecision, decide_by_published
from placet.service.strategies.publishing import draft_of, keep_text
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust

MOST_MILLISECONDS: Final = 50.0
_TENANT: Final = "demo"
_CUSTOMER: Final = "C1"
_TIMES: Final = 100


def published_figure(rounds: int) -> Decided:
    """Measure, and return the figure.

    Raises:
        UsageError: code `bench`; the answers differ.
    """
    policies = PolicySet(read_policy_files(CHECKOUT / "agents" / "retention" / "policy.cedar"))
    with temporary_folder() as folder, Database(f"sqlite:///{folder}/bench.db") as database:
        database.migrate()
        _publish(database, folder, policies)
        _let_recharge(database)

        def decided() -> PublishedDecision:
            now = datetime.now(UTC)
            return decide_by_published(
                database, _TENANT, _CUSTOMER, lambda _agent: policies, channel="agent", at=now, now=now
            )

        def anew() -> PublishedDecision:
            forget_verified()
            forget_read()
            return decided()

        if decided().decision.weighed != anew().decision.weighed:
            raise UsageError("what is remembered decides otherwise", code="bench")
        times = max(_TIMES // max(rounds, 1), 10)
        ours, theirs = list[float](), list[float]()
        for _ in range(max(rounds, 1)):  # in turn, for a machine is not the same from one minute to the next
            theirs += _taken(anew, times)
            ours += _taken(decided, times)
    value, reference = _slow(ours), _slow(theirs)
    return Decided(
        "published", "ms", value, reference, reference / value, MOST_MILLISECONDS, value <= MOST_MILLISECONDS
    )


def _taken(act: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _slow(taken: list[float]) -> float:
    """Return the milliseconds that half of the decisions take at most."""
    return statistics.median(taken)


def _publish(database: Database, folder: Path, policies: PolicySet) -> None:
    database.trust = Trust(folder / "administrators")
    root, hanna = _signer("root"), _signer("hanna")
    bootstrap_administrator(database, tenant=_TENANT, by=root)
    enroll_key(
        database,
        tenant=_TENANT,
        name=hanna.name,
        public_key=public_bytes(hanna.key.private.public_key()),
        by=root,
        roles=("retention_head",),
        limit="100000000.00 USD",
        expires_at=None,
    )
    today = datetime.now(UTC).date()
    term = Term(first=today - timedelta(days=10), last=today + timedelta(days=10))
    declared: Declared = ()
    for number in range(STRATEGIES):
        strategy = strategy_of_bench(Numbers(number)).model_copy(update={"term": term})
        keep_text(database, _TENANT, strategy)
        draft = draft_of(strategy, tenant=_TENANT, drafted_by="olga")
        envelope = sign_mandate(draft, declared, signer=hanna.name, reason="bench", key=hanna.key)
        take_mandate(database, envelope, tenant=_TENANT, policies=policies, declared=declared)


def _let_recharge(database: Database) -> None:
    now = datetime.now(UTC)
    event = (
        f'{{"specversion": "1.0", "id": "1", "source": "bench", "type": "placet.consent.changed.v1", '
        f'"subject": "customer:{_CUSTOMER}", "time": "{now.isoformat()}", '
        '"data": {"purpose": "marketing", "given": true}}'
    )
    taken = take_events(database, _TENANT, [event.encode()], now=now, oldest=now - timedelta(days=1))
    if taken.refused:
        raise UsageError(f"the event of the bench was refused: {taken.refused[0]}", code="bench")


def _signer(name: str) -> Signer:
    private = Ed25519PrivateKey.generate()
    return Signer(name, SigningKey(private, key_id_of(public_bytes(private.public_key()))))
