"""Mandates, and what is used of them. No budget is overspent, no customer gets more than the cap, under any race.

    consume ──► use ──release──► released (final; the budget has its amount back)

A mandate is withdrawn when its row says so, and also when only the record does. What is spent of it must be what its
account on the record says (`placet.gate.account`): a row that says otherwise is an altered one.

Spending is one UPDATE whose condition is the budget. It locks the mandate's row (on SQLite, the file), and the cap per
customer is summed under that lock: whoever spends next sees what was spent before.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, literal, select, update

from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate, MandateRecord, MandateUse
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.plain_json import read_json
from placet.storage.governance.withdrawals import NOT_WITHDRAWN, with_withdrawal, withdrawal
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as
from placet.storage.tables import AUDIT, MANDATE, MANDATE_USE

_ALTERED: Final = "mandate {!r} was altered in the database"

MOST_AT_ONCE = 100
"""Mandates of one agent that are asked about one proposal."""

_THIS = (MANDATE.c.tenant == bindparam("of_tenant"), MANDATE.c.mandate_id == bindparam("id"))
_POSTED = AUDIT.alias("posted")
ACCOUNT: Final = (
    select(_POSTED.c.body)
    .where(_POSTED.c.stream == literal("mandate/").concat(MANDATE.c.tenant).concat("/").concat(MANDATE.c.mandate_id))
    .order_by(_POSTED.c.seq.desc())
    .limit(1)
    .correlate(MANDATE)
)
"""Query within one of mandates: the last entry of their accounts."""
_WITH_RECORD = with_withdrawal(MANDATE, "mandate_id", "mandate.revoked").add_columns(
    ACCOUNT.scalar_subquery().label("account")
)
_ORDER = PageOrder(MANDATE.c.tenant, (MANDATE.c.valid_until, MANDATE.c.mandate_id), descending=True)
_GET = _WITH_RECORD.where(*_THIS)
_LOCK = select(MANDATE.c.mandate_id).where(*_THIS).with_for_update()
_DOCUMENT = select(MANDATE.c.mandate, ACCOUNT.scalar_subquery().label("account")).where(*_THIS)
_CANDIDATES = (
    _WITH_RECORD.where(
        MANDATE.c.tenant == bindparam("of_tenant"),
        MANDATE.c.agent == bindparam("of_agent"),
        MANDATE.c.valid_until > bindparam("now"),
        MANDATE.c.revoked_at.is_(None),
        NOT_WITHDRAWN,
        MANDATE.c.spent_minor < MANDATE.c.budget_minor,
    )
    .order_by(MANDATE.c.valid_until, MANDATE.c.mandate_id)
    .limit(MOST_AT_ONCE)
)
_PUBLISHING = _WITH_RECORD.where(MANDATE.c.tenant == bindparam("of_tenant"), MANDATE.c.strategy.is_not(None))
_PUBLISHING_IT = _PUBLISHING.where(MANDATE.c.strategy == bindparam("version"))
_SPEND = (
    update(MANDATE)
    .where(
        *_THIS,
        MANDATE.c.revoked_at.is_(None),
        MANDATE.c.valid_until > bindparam("now"),
        MANDATE.c.spent_minor + bindparam("amount") <= MANDATE.c.budget_minor,
        MANDATE.c.spent_minor + bindparam("amount") <= bindparam("signed_budget"),
    )
    .values(spent_minor=MANDATE.c.spent_minor + bindparam("amount"))
)
_GIVE_BACK = update(MANDATE).where(*_THIS).values(spent_minor=MANDATE.c.spent_minor - bindparam("amount"))
_REVOKE = update(MANDATE).where(*_THIS, MANDATE.c.revoked_at.is_(None))
_USE = select(MANDATE_USE).where(
    MANDATE_USE.c.run_id == bindparam("of_run"), MANDATE_USE.c.proposal == bindparam("of_proposal")
)
_RELEASE = update(MANDATE_USE).where(
    MANDATE_USE.c.run_id == bindparam("of_run"),
    MANDATE_USE.c.proposal == bindparam("of_proposal"),
    MANDATE_USE.c.released_at.is_(None),
)
_GIVEN = select(func.coalesce(func.sum(MANDATE_USE.c.amount_minor), 0)).where(
    MANDATE_USE.c.tenant == bindparam("of_tenant"),
    MANDATE_USE.c.mandate_id == bindparam("id"),
    MANDATE_USE.c.customer_id == bindparam("customer"),
    MANDATE_USE.c.used_at > bindparam("since"),
    MANDATE_USE.c.released_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class AlteredMandate:
    """A row that no longer says what was signed, or cannot be read. It clears nothing, and hides no other."""

    mandate_id: str
    fault: str


class MandateRepository:
    """Signed mandates and their budgets. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: MandateRecord) -> bool:
        """Take a signed mandate on, unspent; False when one of that id is there already, revoked or not."""
        mandate = record.mandate
        values: dict[str, object] = {
            "tenant": mandate.tenant,
            "mandate_id": mandate.document_id,
            "agent": mandate.agent,
            "strategy": mandate.strategy,
            "valid_until": mandate.valid_until,
            "budget_minor": mandate.budget.amount_minor,
            "spent_minor": 0,
            "mandate": mandate.model_dump_json(),
            "document": record.document,
            "key_id": record.key_id,
        }
        return insert_if_absent(self._connection, MANDATE, values)

    def get(self, tenant: str, mandate_id: str) -> MandateRecord | None:
        """Return the mandate, revoked or not; None if there is none of that id.

        Raises:
            GovernanceError: code `mandate_altered`; the stored row cannot be read.
        """
        row = self._connection.execute(_GET, {"of_tenant": tenant, "id": mandate_id}).mappings().one_or_none()
        return None if row is None else _record(row)

    def list(
        self, tenant: str, agent: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> tuple[MandateRecord, ...]:
        """List the mandates of `tenant`, those that end last first.

        Args:
            tenant: Whose mandates.
            agent: Only this one's.
            after: The mandate that ended the previous page.
            limit: Most that are returned; None: all.

        Raises:
            GovernanceError: code `mandate_altered`; a stored row cannot be read.
            UsageError: code `unknown_cursor`.
        """
        query = _of_tenant(tenant, agent)
        return _ORDER.read(self._connection, query, tenant, _record, after=after, limit=limit)

    def listed(
        self, tenant: str, agent: str | None = None, *, after: str | None = None, limit: int | None = None
    ) -> tuple[MandateRecord | AlteredMandate, ...]:
        """List as `list` does, for people to look at: a row that was altered stands in its place and says so.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = _of_tenant(tenant, agent)
        return _ORDER.read(self._connection, query, tenant, _listed, after=after, limit=limit)

    def publishing(self, tenant: str, version: str | None = None) -> tuple[MandateRecord | AlteredMandate, ...]:
        """Return the mandates that publish a strategy, or one version of one, in the order of signing; altered last.

        Those that are over, spent or withdrawn are among them.
        """
        query = _PUBLISHING if version is None else _PUBLISHING_IT
        wanted = {"of_tenant": tenant} if version is None else {"of_tenant": tenant, "version": version}
        found = [_listed(row) for row in self._connection.execute(query, wanted).mappings()]
        return tuple(sorted(found, key=_signed_first))

    def candidates(self, tenant: str, agent: str, now: datetime) -> tuple[MandateRecord, ...]:
        """Return mandates that may clear something now, in the order of signing; at most `MOST_AT_ONCE`.

        Raises:
            GovernanceError: code `mandate_altered`; a stored row cannot be read.
        """
        wanted = {"of_tenant": tenant, "of_agent": agent, "now": now}
        records = (_record(row) for row in self._connection.execute(_CANDIDATES, wanted).mappings())
        valid = (record for record in records if record.mandate.valid_from <= now)
        return tuple(sorted(valid, key=lambda record: (record.mandate.signed_at, record.mandate.document_id)))

    def lock(self, tenant: str, mandate_id: str) -> None:
        """Let whoever else takes of the mandate, or gives back, wait until this transaction is over."""
        self._connection.execute(_LOCK, {"of_tenant": tenant, "id": mandate_id})

    def accounted(self, tenant: str, mandate_id: str) -> tuple[Mandate, int] | None:
        """Return a mandate and what is spent of it by its account, whatever the row says; None: it has no account.

        Raises:
            GovernanceError: code `mandate_altered`; row or entry cannot be read.
        """
        row = self._connection.execute(_DOCUMENT, {"of_tenant": tenant, "id": mandate_id}).mappings().one_or_none()
        if row is None or row["account"] is None:
            return None
        try:
            return Mandate.model_validate_json(row["mandate"]), _accounted(row["account"])
        except ValueError as error:
            raise GovernanceError(_ALTERED.format(mandate_id), code="mandate_altered") from error

    def consume(self, mandate: Mandate, use: MandateUse) -> bool:
        """Take of the mandate for one proposal of one run.

        Args:
            mandate: The mandate as its verified document says it; its budget and cap are what bounds.
            use: What is taken, by which run, for whom, and when: the worker's clock.

        Returns:
            Whether the use is on record and stands: taken now, or before by the same step. False when the budget or
            the customer's cap has no room, the mandate is revoked or not valid, or the use was released.
        """
        if use.amount_minor <= 0 or use.used_at < mandate.valid_from:
            return False
        if self._spend(mandate, use):
            room = mandate.cap_per_customer.amount_minor - self._given(mandate, use)
            if use.amount_minor <= room and insert_if_absent(self._connection, MANDATE_USE, dict(use)):
                return True
            self._give_back(use)
        # An earlier attempt of the same step may have taken it: that is what counts.
        earlier = self.use(use.run_id, use.proposal)
        return earlier is not None and _stands(earlier, use)

    def release(self, run_id: str, proposal: str, now: datetime) -> MandateUse | None:
        """Give back what a proposal took, because its effect did not happen; None when there is nothing to give back.

        The caller sees to it that the effect can no longer happen.
        """
        same = {"of_run": run_id, "of_proposal": proposal}
        if self._connection.execute(_RELEASE, {**same, "released_at": now}).rowcount != 1:
            return None
        use = self.use(run_id, proposal)
        if use is not None:
            self._give_back(use)
        return use

    def revoke(self, tenant: str, mandate_id: str, *, by: str, at: datetime, reason: str) -> bool:
        """Withdraw a mandate from `at` on; False when it was withdrawn before, which stands.

        Raises:
            UsageError: code `unknown_mandate`.
        """
        values = {"revoked_by": by, "revoked_at": at, "revoked_reason": reason}
        if self._connection.execute(_REVOKE, {"of_tenant": tenant, "id": mandate_id, **values}).rowcount == 1:
            return True
        if self.get(tenant, mandate_id) is None:
            raise UsageError(f"no mandate {mandate_id!r}; see `placet mandate list`", code="unknown_mandate")
        return False

    def use(self, run_id: str, proposal: str) -> MandateUse | None:
        """Return what one proposal of one run took, released or not; None if it took nothing."""
        row = self._connection.execute(_USE, {"of_run": run_id, "of_proposal": proposal}).mappings().one_or_none()
        return None if row is None else _use(row)

    def uses(self, tenant: str, mandate_id: str, limit: int = 100) -> tuple[MandateUse, ...]:
        """Return what was taken of a mandate, newest first."""
        query = (
            select(MANDATE_USE)
            .where(MANDATE_USE.c.tenant == tenant, MANDATE_USE.c.mandate_id == mandate_id)
            .order_by(MANDATE_USE.c.used_at.desc(), MANDATE_USE.c.run_id)
            .limit(limit)
        )
        return tuple(_use(row) for row in self._connection.execute(query).mappings())

    def _spend(self, mandate: Mandate, use: MandateUse) -> bool:
        values = {
            "of_tenant": mandate.tenant,
            "id": mandate.document_id,
            "now": use.used_at,
            "amount": use.amount_minor,
            "signed_budget": mandate.budget.amount_minor,
        }
        return self._connection.execute(_SPEND, values).rowcount == 1

    def _give_back(self, use: MandateUse) -> None:
        values = {"of_tenant": use.tenant, "id": use.mandate_id, "amount": use.amount_minor}
        self._connection.execute(_GIVE_BACK, values)

    def _given(self, mandate: Mandate, use: MandateUse) -> int:
        values = {
            "of_tenant": mandate.tenant,
            "id": mandate.document_id,
            "customer": use.customer_id,
            "since": use.used_at - timedelta(days=mandate.period_days),
        }
        return int(self._connection.scalar(_GIVEN, values) or 0)


def _stands(earlier: MandateUse, use: MandateUse) -> bool:
    """Return whether `earlier` is the same use, not released; the time of use may differ."""
    return earlier.released_at is None and earlier == use.model_copy(update={"used_at": earlier.used_at})


def _of_tenant(tenant: str, agent: str | None) -> Select[Any]:
    query = _WITH_RECORD.where(MANDATE.c.tenant == tenant)
    return query if agent is None else query.where(MANDATE.c.agent == agent)


def _listed(row: Row) -> MandateRecord | AlteredMandate:
    try:
        return _record(row)
    except GovernanceError as error:
        return AlteredMandate(str(row["mandate_id"]), str(error))


def _record(row: Row) -> MandateRecord:
    try:
        mandate = Mandate.model_validate_json(row["mandate"])
        fields = {name: row[name] for name in ("document", "key_id", "spent_minor")}
        record = MandateRecord(mandate=mandate, **fields, **withdrawal(row))
        spent = row["spent_minor"] if row["account"] is None else _accounted(row["account"])
    except ValueError as error:
        raise _altered(row) from error
    stated = (mandate.tenant, mandate.document_id, mandate.agent, mandate.strategy, mandate.valid_until)
    kept = (row["tenant"], row["mandate_id"], row["agent"], row["strategy"], row["valid_until"])
    if (*stated, mandate.budget.amount_minor) != (*kept, row["budget_minor"]):
        raise _altered(row)
    if spent != record.spent_minor:
        says, knows = (mandate.budget.model_copy(update={"amount_minor": one}) for one in (record.spent_minor, spent))
        raise GovernanceError(
            f"mandate {row['mandate_id']!r} was altered in the database: it says that {says} is spent, and its account "
            f"on the record {knows}; it clears nothing until they agree: see `placet audit verify`",
            code="mandate_altered",
        )
    return record


def _accounted(body: str) -> int:
    """Return what an account's last entry says is spent.

    Raises:
        ValueError: it says nothing of the kind.
    """
    try:
        return Money.model_validate(read_json(body)["spent"]).amount_minor
    except (KeyError, TypeError) as error:
        raise ValueError("no amount is on the account") from error


def _signed_first(one: MandateRecord | AlteredMandate) -> tuple[bool, datetime, str]:
    if isinstance(one, AlteredMandate):
        return True, datetime.max.replace(tzinfo=UTC), one.mandate_id
    return False, one.mandate.signed_at, one.mandate.document_id


def _altered(row: Row) -> GovernanceError:
    return GovernanceError(_ALTERED.format(row["mandate_id"]), code="mandate_altered")


def _use(row: Row) -> MandateUse:
    return read_as(MandateUse, MANDATE_USE.name, row["run_id"], row)
