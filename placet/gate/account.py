"""The account of a mandate on the record: what was taken of it and given back, entry by entry, in a stream of its own.

A row says how much of a mandate is spent, and other rows what each customer was given. Whoever writes rows could say
less. So nothing is taken unless row and account say the same (`placet.storage.governance.mandates`), and what one
customer was given is added up from the account as well. Its entries about one customer are numbered from 1 without
gaps, so that they are found by their step keys. Mandates of before there were accounts open theirs with what the row
says. Whoever takes entries away, or adds false ones, does so in a log whose checkpoints are signed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from placet.contracts.audit import AuditEvent, RecordKind, mandate_stream
from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate, MandateUse
from placet.errors import DecisionRefused
from placet.storage.transaction import OfRun, Transaction

TAKEN: Final[RecordKind] = "mandate.taken"
GIVEN_BACK: Final[RecordKind] = "mandate.given_back"


def take(
    tx: Transaction, mandate: Mandate, run: OfRun, *, proposal: str, customer_id: str, amount: Money, now: datetime
) -> bool:
    """Take an amount of a mandate for one proposal of one run, in its row and on its account.

    Args:
        tx: The transaction of the step that it is taken for.
        mandate: As its verified document says it.
        run: The run it clears, or is charged for.
        proposal: The digest of the run's proposal.
        customer_id: Whose cap it counts against.
        amount: In the mandate's currency, more than nothing.
        now: The worker's clock.

    Returns:
        Whether it is taken, now or by an earlier attempt of the same step. False: budget or cap has no room, or the
        mandate counts no longer.

    Raises:
        GovernanceError: code `mandate_altered`; rows and account do not say the same. Nothing is taken.
    """
    tx.mandates.lock(mandate.tenant, mandate.document_id)
    standing = tx.mandates.get(mandate.tenant, mandate.document_id)
    if standing is None:
        return False
    use = MandateUse(
        tenant=mandate.tenant,
        mandate_id=mandate.document_id,
        run_id=run.run_id,
        proposal=proposal,
        customer_id=customer_id,
        amount_minor=amount.amount_minor,
        used_at=now,
    )
    entries = tuple(_about(tx, use))
    before = tx.mandates.use(run.run_id, proposal)
    if before is not None and before.released_at is not None:
        return False
    if before is not None:
        check_account(tx, before)
    room = mandate.cap_per_customer.amount_minor - _given(entries, now - timedelta(days=mandate.period_days))
    if before is None and amount.amount_minor > room:
        return False
    if not tx.mandates.consume(mandate, use):
        return False
    if before is None:
        spent = standing.spent_minor + amount.amount_minor
        _post(tx, TAKEN, use, mandate, spent, len(entries) + 1, now)
    return True


def give_back(tx: Transaction, run: OfRun, proposal: str, now: datetime) -> MandateUse | None:
    """Give back what a proposal took, once, because its effect did not happen and no longer can; None: it took nothing.

    It is posted to the account as it stands, also where the row says otherwise: the difference stays to be found.
    """
    use = tx.mandates.release(run.run_id, proposal, now)
    if use is None:
        return None
    account = tx.mandates.accounted(use.tenant, use.mandate_id)
    if account is not None:
        mandate, spent = account
        number = sum(1 for _ in _about(tx, use)) + 1
        _post(tx, GIVEN_BACK, use, mandate, spent - use.amount_minor, number, now)
    return use


def check_account(tx: Transaction, use: MandateUse) -> None:
    """Make sure that the account has what a row says was taken. Uses of before there were accounts are on none.

    Raises:
        DecisionRefused: code `mandate_altered`; it has not, or has it as given back.
    """
    if tx.mandates.accounted(use.tenant, use.mandate_id) is None:
        return
    kinds = [entry.kind for entry in _about(tx, use) if _same(entry, use)]
    if kinds == [TAKEN] or (not kinds and _of_before(tx, use)):
        return
    raise DecisionRefused(
        f"what run {use.run_id!r} took of mandate {use.mandate_id!r} is not on the mandate's account on the record",
        code="mandate_altered",
    )


def _of_before(tx: Transaction, use: MandateUse) -> bool:
    """Return whether a use is older than the account of its mandate."""
    first = tx.audit.page(mandate_stream(use.tenant, use.mandate_id), limit=1)
    return bool(first) and use.used_at < first[0].at


def _about(tx: Transaction, use: MandateUse) -> Iterator[AuditEvent]:
    """Yield the account's entries about the customer of a use, in order."""
    stream = mandate_stream(use.tenant, use.mandate_id)
    for number in count(1):
        entry = tx.audit.find(stream, _step(use, number))
        if entry is None:
            return
        yield entry


def _given(entries: tuple[AuditEvent, ...], since: datetime) -> int:
    """Return what a customer was given since a time, in minor units, without what was given back."""
    given: dict[object, int] = {}
    for entry in entries:
        which = (entry.body["run_id"], entry.body["proposal"])
        if entry.kind == GIVEN_BACK:
            given.pop(which, None)
        elif entry.at > since:
            given[which] = Money.model_validate(entry.body["amount"]).amount_minor
    return sum(given.values())


def _same(entry: AuditEvent, use: MandateUse) -> bool:
    return (entry.body["run_id"], entry.body["proposal"]) == (use.run_id, use.proposal)


def _step(use: MandateUse, number: int) -> str:
    return f"{use.customer_id}.{number}"


def _post(
    tx: Transaction, kind: RecordKind, use: MandateUse, mandate: Mandate, spent_minor: int, number: int, now: datetime
) -> None:
    currency = mandate.budget.currency
    body: dict[str, Any] = {
        "mandate_id": use.mandate_id,
        "name": mandate.name,
        "run_id": use.run_id,
        "proposal": use.proposal,
        "customer_id": use.customer_id,
        "amount": Money(amount_minor=use.amount_minor, currency=currency).model_dump(mode="json"),
        "spent": Money(amount_minor=spent_minor, currency=currency).model_dump(mode="json"),
    }
    tx.audit.append(
        stream=mandate_stream(use.tenant, use.mandate_id),
        tenant=use.tenant,
        run_id=None,
        kind=kind,
        actor="worker",
        step_key=_step(use, number),
        at=now,
        body=body,
    )
