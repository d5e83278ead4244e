"""`placet bench outcomes`: simulated members of a rollout are counted once, reported, looked at and derived again.

The reference reads the same events and adds the same spend in a plain Python loop: it checks nothing, keeps nothing
and knows no other measure. Both must come to the same sum.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert, text

from placet.bench.folder import temporary_folder
from placet.contracts.outcomes.report import OutcomesReport
from placet.contracts.outcomes.windows import MemberOutcome
from placet.decisioning.assignment.shares import assign
from placet.decisioning.state.aggregate import micros_of
from placet.decisioning.strategies.packages import market_named, package_named, written
from placet.decisioning.windows.counting import DAY_US
from placet.entrypoints.processes.interruption import terminate_as_interrupt
from placet.errors import PlacetError
from placet.interfaces.cli import output
from placet.service.outcomes.counting import count_due
from placet.service.outcomes.entering import Reach, RolledOut, entry_of
from placet.service.outcomes.reading import all_outcomes
from placet.service.outcomes.reporting import REPORTED, keep_report, report_of
from placet.service.strategies.given import strategy_given
from placet.storage.database import Database
from placet.storage.strategies.rollouts import MemberRow
from placet.storage.tables import CUSTOMER_EVENT, CUSTOMER_STATE
from placet.storage.transaction import Transaction

_TENANT: Final = "bench"
_VERSION: Final = "0" * 64
_DAYS: Final = 30
EVENTS: Final = 20
"""Of each member, in the days before and after."""
_AT_ONCE: Final = 2_000


def bench_outcomes(*, members: int, as_json: bool) -> int:
    """Measure, print the figures, and remove the database, also on Ctrl-C.

    Args:
        members: Of the rollout; each has twenty events in sixty days.
        as_json: Print the raw figures.

    Returns:
        0.

    Raises:
        PlacetError: the reference comes to another sum.
    """
    terminate_as_interrupt()
    now = datetime.now(UTC)
    with temporary_folder() as folder, Database(f"sqlite:///{folder / 'outcomes.db'}") as database:
        database.migrate()
        it = _made(database, members, now)
        counting, counted = _timed(lambda: count_due(database, _TENANT, it, _DAYS, now))
        plain, theirs = _timed(lambda: _by_hand(database, it))
        ours = sum(one.after.spend for one in _rows(database) if one.after is not None)
        if (counted, ours) != (members, theirs):
            raise PlacetError(f"{counted:,} members have spent {ours}; the reference says {theirs}", code="bench")
        reporting, _ = _timed(lambda: keep_report(database, _TENANT, it, _DAYS, now))
        again, _ = _timed(lambda: report_of(database, _TENANT, it, _DAYS, now))
        looking, _ = _timed(lambda: _look(database))
    found = {
        "members": members,
        "events": members * EVENTS,
        "counted_per_second": members / counting,
        "reference_per_second": members / plain,
        "report_seconds": min(reporting, again),
        "look_seconds": looking,
    }
    if as_json:
        output.print_text(json.dumps(found))
        return 0
    output.print_line(
        f"counting: {counting:,.1f} s for {members:,} members with {EVENTS} events each, {members / counting:,.0f} a "
        f"second; a plain loop over the same events that adds spend alone: {members / plain:,.0f}"
    )
    output.print_line(f"the report of all of them: {min(reporting, again):,.1f} s, once for each count")
    output.print_line(f"a look at it: {looking * 1_000:,.1f} ms, however many they are")
    return 0


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def _made(database: Database, members: int, now: datetime) -> RolledOut:
    package = package_named("churn_prevention")
    text_of_it = written(package, market_named("us"), name="bench", monthly=None, first=now.date(), days=90)
    strategy = strategy_given(text_of_it, "")
    began = now - timedelta(days=_DAYS + 4)
    for first in range(0, members, _AT_ONCE):
        ids = [f"B{number:08d}" for number in range(first, min(first + _AT_ONCE, members))]
        drawn = [assign(strategy.name, one, holdout_bp=strategy.holdout, weights={}) for one in ids]
        rows = [
            MemberRow(customer_id=one.customer_id, control=one.held_out, bucket=one.rollout_bucket) for one in drawn
        ]
        with database.transaction() as tx:
            tx.rollouts.enrol(_TENANT, _VERSION, rows, began)
            _insert(tx, ids, micros_of(began))
    return RolledOut(strategy, _VERSION, (Reach(began, 10_000),), sealed=False)


def _insert(tx: Transaction, ids: list[str], began_us: int) -> None:
    aggregate = '{"days":{},"events":1,"newest":null,"times":{},"topics":{}}'
    states = [
        {"tenant": _TENANT, "customer_id": one, "version": 1, "corrections": 0, "aggregate": aggregate, "counted": 1}
        for one in ids
    ]
    tx.connection.execute(insert(CUSTOMER_STATE), states)
    events = [event for one in ids for event in _events(one, began_us)]
    tx.connection.execute(insert(CUSTOMER_EVENT), events)


def _events(customer: str, began_us: int) -> Iterator[dict[str, object]]:
    lot = int(hashlib.sha256(customer.encode()).hexdigest()[:8], 16)
    for number in range(EVENTS):
        at_us = began_us + (number - EVENTS // 2) * 2 * DAY_US + lot % DAY_US
        recharge = number % 4 == 0
        amount = {"amount": {"amount_minor": 500 + (lot >> number) % 4_000, "currency": "USD"}}
        data = amount if recharge else {"service": "data", "quantity": 100}
        kind = "placet.balance.recharged.v1" if recharge else "placet.usage.recorded.v1"
        content = {
            "specversion": "1.0",
            "id": str(number),
            "source": "simulated",
            "type": kind,
            "subject": f"customer:{customer}",
            "time": datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(),
            "data": data,
        }
        yield {
            "tenant": _TENANT,
            "source": "simulated",
            "event_id": f"{customer}-{number}",
            "customer_id": customer,
            "type": kind,
            "happened_us": at_us,
            "received_us": at_us,
            "content": json.dumps(content),
            "folded": 1,
        }


def _by_hand(database: Database, it: RolledOut) -> int:
    """Add what all members spent in their window, as somebody does who trusts every row."""
    first = micros_of(it.reaches[0].at)
    query = text(
        "SELECT content FROM customer_event WHERE tenant = :tenant AND customer_id > '' "
        "AND happened_us >= :first AND happened_us < :end"
    )
    values = {"tenant": _TENANT, "first": first, "end": first + _DAYS * DAY_US}
    spent = 0
    with database.reading() as tx:
        for (content,) in tx.connection.execute(query, values):
            event = json.loads(content)
            if event["type"] == "placet.balance.recharged.v1" and event["data"]["amount"]["currency"] == "USD":
                spent += event["data"]["amount"]["amount_minor"]
    return spent


def _rows(database: Database) -> Iterator[MemberOutcome]:
    return all_outcomes(database, _TENANT, _VERSION, _DAYS)


def _look(database: Database) -> None:
    """Read the report that is on the record, as every look does."""
    with database.reading() as tx:
        number = tx.outcomes.batches(_TENANT, _VERSION, _DAYS)
        entry = entry_of(tx, _TENANT, f"{REPORTED}.{_VERSION}.{_DAYS}.{number}")
        if entry is None:
            raise PlacetError("the report is not on the record", code="bench")
        tx.artifacts.get_model(str(entry.body["report"]), OutcomesReport, tenant=_TENANT)
