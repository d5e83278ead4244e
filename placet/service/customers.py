"""What our own record knows of a customer: the runs about them, what billing said last, what they were given.

Nothing is asked of billing: what is shown is as old as it says. A customer about whom nobody ever asked for a run is
not known here.
"""

from datetime import datetime

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import CustomerId, Frozen, RunId
from placet.contracts.billing import Evidence
from placet.contracts.contact import ContactHistory
from placet.contracts.people.decision import AcceptedDecision
from placet.errors import UsageError
from placet.service.in_hand import facts_of
from placet.storage.database import Database
from placet.storage.records import ProposedRun, RunRecord
from placet.storage.sql.reading import read_as
from placet.storage.transaction import Transaction

GIVEN_DAYS = 90
"""How far back what was given is shown, unless another period is asked for."""

_LATEST = 20
"""Runs in which the newest answer of billing is looked for."""


class KnownCustomer(Frozen):
    """A customer about whom runs were asked for."""

    customer_id: CustomerId
    runs: StrictInt
    last_requested_at: AwareDatetime


class CustomerInFull(Frozen):
    """One customer.

    Attributes:
        given: What was given in the period, and what is pending.
        latest: The newest runs about them, newest first.
        taken_back: Runs of `latest` that took back what an earlier one did (`RunRecord.reverses`).
        facts: What billing answered last; None where it never did, or it cannot be shown any more. A reversal reads the
            balance alone: its answer counts where no other run has one.
        facts_of: The run that asked.
        changed_since: Runs of `latest` that changed something after billing had answered.
    """

    customer: KnownCustomer
    given: ContactHistory
    latest: tuple[RunRecord, ...]
    taken_back: tuple[RunId, ...]
    facts: Evidence | None
    facts_of: RunId | None
    changed_since: tuple[RunId, ...]


class DecidedRun(Frozen):
    """What was decided about a customer in one run.

    Attributes:
        proposed: The run, how it ended, and what it proposed.
        decisions: What people signed that was accepted, oldest first, on proposals that were amended since as well.
            None: a mandate cleared it, policy denied it, or nobody has decided yet. The run's record proves them.
    """

    proposed: ProposedRun
    decisions: tuple[AcceptedDecision, ...]


def list_decided(
    database: Database, tenant: str, customer_id: str, *, after: str | None = None, limit: int = 50
) -> tuple[DecidedRun, ...]:
    """Return the runs about a customer with what people decided, newest first; `after` ended the previous page.

    Raises:
        UsageError: code `unknown_customer`, or `unknown_cursor`.
    """
    with database.snapshot() as tx:
        if not _known(tx, tenant, only=customer_id):
            raise _unknown(tenant, customer_id)
        runs = tx.runs.proposed(tenant, customer_id, after=after, limit=limit)
        decisions = tx.decisions.of_runs(tenant, [one.run.run_id for one in runs])
    return tuple(DecidedRun(proposed=one, decisions=decisions.get(one.run.run_id, ())) for one in runs)


def list_customers(database: Database, tenant: str, *, after: str = "", limit: int = 50) -> tuple[KnownCustomer, ...]:
    """Return the customers of `tenant` about whom runs were asked for, by id; `after` ended the previous page."""
    with database.reading() as tx:
        return _known(tx, tenant, after=after, limit=limit)


def find_customer(
    database: Database, tenant: str, customer_id: str, *, now: datetime, days: int = GIVEN_DAYS
) -> CustomerInFull:
    """Return one customer.

    Raises:
        UsageError: code `unknown_customer`; no run was ever asked for about them.
    """
    with database.reading() as tx:
        known = _known(tx, tenant, only=customer_id)
        if not known:
            raise _unknown(tenant, customer_id)
        latest = tx.runs.list(tenant, customer_id=customer_id, limit=_LATEST)
        given = tx.contacts.of_customer(tenant, customer_id, days=days, now=now, besides="")
    read = sorted((run for run in latest if run.evidence is not None), key=lambda run: run.reverses is not None)
    source = next(iter(read), None)
    facts = None if source is None else facts_of(database, source.run_id, tenant)
    evidence = None if facts is None else facts.evidence
    executed = [run for run in latest if run.state == "executed"]
    return CustomerInFull(
        customer=known[0],
        given=given,
        latest=latest,
        taken_back=tuple(run.run_id for run in executed if run.reverses is not None),
        facts=evidence,
        facts_of=source.run_id if source is not None and evidence is not None else None,
        changed_since=tuple(run.run_id for run in executed if evidence and run.updated_at > evidence.read_at),
    )


def _unknown(tenant: str, customer_id: str) -> UsageError:
    return UsageError(
        f"no run of tenant {tenant!r} is about customer {customer_id!r}; check the id", code="unknown_customer"
    )


def _known(
    tx: Transaction, tenant: str, *, after: str = "", limit: int = 1, only: str | None = None
) -> tuple[KnownCustomer, ...]:
    rows = tx.runs.customers(tenant, after=after, limit=limit, only=only)
    return tuple(
        read_as(KnownCustomer, "run", name, {"customer_id": name, "runs": runs, "last_requested_at": at})
        for name, runs, at in rows
    )
