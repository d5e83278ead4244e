"""What a customer was given, read from the effect ledger and the signed proposals that its effects were claimed for.

Treatment and amount are taken from the proposal's own bytes, which are checked against the digest that the ledger
names. The index on a customer's runs makes it one short statement.
"""

import hashlib
from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import and_, bindparam, or_, select, text

from placet.contracts.contact import Contact, ContactHistory, Standing
from placet.contracts.money import Money
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.plain_json import read_json
from placet.storage.artifacts import ArtifactStore
from placet.storage.sql.driver import Connection, Row
from placet.storage.tables import EFFECT, RUN

_SENT = and_(
    EFFECT.c.claimed_at > bindparam("since"),
    or_(EFFECT.c.status.in_(("settled", "unknown")), and_(EFFECT.c.status == "open", EFFECT.c.sends > 0)),
)
_OF_CUSTOMER = (
    select(
        RUN.c.run_id,
        RUN.c.reverses,
        RUN.c.requested_at,
        RUN.c.proposal.label("pending"),
        EFFECT.c.proposal,
        EFFECT.c.status,
        EFFECT.c.claimed_at,
    )
    .join_from(RUN, EFFECT, and_(EFFECT.c.run_id == RUN.c.run_id, _SENT), isouter=True)
    .where(
        RUN.c.tenant == bindparam("of_tenant"),
        RUN.c.customer_id == bindparam("customer"),
        RUN.c.run_id != bindparam("besides"),
        or_(
            EFFECT.c.effect_key.is_not(None),
            and_(RUN.c.state.in_(("awaiting_decision", "executing")), RUN.c.reverses.is_(None)),
        ),
    )
    .order_by(RUN.c.requested_at, RUN.c.run_id)
)
_ALONE = text("SELECT pg_advisory_xact_lock(:key)")


class ContactReader:
    """Contacts of one customer. Use it inside a transaction."""

    __slots__ = ("_artifacts", "_connection")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._artifacts = ArtifactStore(connection)

    def lock(self, tenant: str, customer_id: str) -> None:
        """Let nobody else lock this customer before the transaction ends; on SQLite there is one writer anyway.

        A statement of its own: what is read after it shows what was committed while it waited.
        """
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(_ALONE, {"key": _lock_key(tenant, customer_id)})

    def of_customer(
        self, tenant: str, customer_id: str, *, days: int, now: datetime, besides: str, pending: bool = True
    ) -> ContactHistory:
        """Return what the customer was given in the last `days`, and what is pending.

        Args:
            tenant: Whose customer.
            customer_id: The customer.
            days: How far back.
            now: The caller's clock.
            besides: The run that asks; its own treatment is left out.
            pending: Whether proposals at a gate, or on their way from it, are wanted too.
        """
        values = {
            "of_tenant": tenant,
            "customer": customer_id,
            "since": now - timedelta(days=days),
            "besides": besides,
        }
        rows = list(self._connection.execute(_OF_CUSTOMER, values).mappings())
        taken_back = {row["reverses"] for row in rows if row["status"] == "settled" and row["reverses"] is not None}
        contacts = [
            self._contact(tenant, row)
            for row in rows
            if row["reverses"] is None and row["run_id"] not in taken_back and (pending or row["status"] is not None)
        ]
        return ContactHistory(days=days, contacts=tuple(sorted(contacts, key=lambda one: (one.at, one.run_id))))

    def _contact(self, tenant: str, row: Row) -> Contact:
        standing: Standing = "pending"
        digest, at = row["pending"], row["requested_at"]
        if row["status"] is not None:
            standing = "given" if row["status"] == "settled" else "unknown"
            digest, at = row["proposal"], row["claimed_at"]
        treatment, cost = self._what(tenant, digest)
        return Contact(run_id=row["run_id"], treatment=treatment, cost=cost, at=at, standing=standing)

    def _what(self, tenant: str, digest: str | None) -> tuple[str | None, Money | None]:
        """Return treatment and cost of a proposal; nothing where it was erased or altered.

        What is not known counts against every limit.
        """
        try:
            document = read_json(self._artifacts.get(str(digest), tenant=tenant))
            return str(document["treatment"]), Money.model_validate(document["cost"])
        except (UsageError, GovernanceError, ValueError, KeyError, TypeError, ValidationError):
            return None, None


def _lock_key(tenant: str, customer_id: str) -> int:
    """Return the number of the customer's lock in PostgreSQL: a signed 64-bit integer."""
    named = f"placet/contact/{tenant}/{customer_id}"
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], signed=True)
