"""The record, what it names, and where each run stands.

Audit and artifacts are the truth and stand on their own. `run` is a projection of the workflow for people and
lists: nothing refers to it by foreign key, so it can be built again.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    FetchedValue,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from placet.storage.tables.base import UtcDateTime, metadata, partial_index

PLACED_HALT = "kind = 'halt.placed'"
"""As an index has it. A query that is to find it says so in the same words, since a bound value proves nothing."""

_WAITING = "state IN ('awaiting_decision', 'unknown_outcome')"
_OPEN = "strategy IS NOT NULL AND state IN ('analysing', 'querying', 'proposing', 'executing')"

AUDIT = Table(
    "audit_event",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("run_id", Text),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("step_key", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("recorded_at", UtcDateTime, server_default=FetchedValue(), nullable=False),
    UniqueConstraint("stream", "seq", name="uq_audit_event_stream_seq"),
    UniqueConstraint("stream", "step_key", name="uq_audit_event_stream_step_key"),
    Index("ix_audit_event_tenant_id", "tenant", "id"),
    partial_index("ix_audit_event_placed_halt", "stream", "id", where=PLACED_HALT),
    partial_index("ix_audit_event_first_of_stream", "tenant", "id", where="seq = 1"),
    sqlite_autoincrement=True,
)
"""One entry of the record. INSERT only.

    `id` orders entries over all streams. `recorded_at` is the database's own clock and comes after `id` on
    purpose: PostgreSQL evaluates defaults in column order, and `AuditLog.tail` relies on a time taken later.
    """


ARTIFACT = Table(
    "artifact",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""A blob under the SHA-256 of its bytes, once per tenant that holds it. Never updated."""


RUN = Table(
    "run",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("reverses", Text),
    Column("strategy", Text),
    Column("channel", Text),
    Column("step", Text),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("detail", Text, nullable=False),
    Column("assessment", Text),
    Column("evidence", Text),
    Column("proposal", Text),
    Column("decision", Text),
    Column("receipt", Text),
    Column("waits_until", UtcDateTime, server_default=text("'1970-01-01 00:00:00'"), nullable=False),
    Column("quorum", Integer),
    Column("asked_roles", Text),
    Column("escalate_to", Text),
    Column("escalate_at", UtcDateTime),
    Column("treatment", Text),
    Column("mutation_kind", Text),
    Column("cost_minor", BigInteger),
    Column("cost_currency", Text),
    Column("answered_at", UtcDateTime),
    UniqueConstraint("tenant", "key", name="uq_run_tenant_key"),
    Index("ix_run_tenant_requested_at", "tenant", "requested_at", "run_id"),
    Index("ix_run_tenant_state", "tenant", "state", "requested_at", "run_id"),
    Index("ix_run_tenant_customer", "tenant", "customer_id", "requested_at", "run_id"),
    Index("ix_run_tenant_agent", "tenant", "agent", "requested_at", "run_id"),
    Index("ix_run_tenant_requested_by", "tenant", "requested_by", "requested_at", "run_id"),
    Index("ix_run_reverses", "reverses"),
    partial_index("ix_run_strategy", "tenant", "strategy", "requested_at", "run_id", where="strategy IS NOT NULL"),
    # Small, whatever the size of a stage: it holds the runs of strategies that a worker carries on.
    partial_index("ix_run_strategy_open", "tenant", "strategy", "requested_at", "run_id", where=_OPEN),
    # Small, whatever the age of the installation: it holds the runs that wait for a person.
    partial_index("ix_run_waiting", "tenant", "waits_until", "run_id", where=_WAITING),
)
"""Where each run stands.

    From `waits_until` on the columns serve the inbox: people choose among the runs that wait for them. They are written
    with the gate, and derived from the record as follows; the proposal is the artifact that the entry names.

    - `waits_until`, `quorum`, `asked_roles`, `escalate_to`, `escalate_at`: the gate of `approve.opened`, or of the last
      `approve.amended`;
    - `treatment`, `mutation_kind`, `cost_minor`, `cost_currency`: the proposal of the same entry;
    - `answered_at`: `at` of the `approve.decided` after which nobody is missing, or of `approve.settled`; None while
      somebody is, and again after an `approve.lapsed` or `run.parked`.
    """


ERASURE = Table(
    "erasure",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
)
"""An index of the lists that `retention.applied` entries name; it counts for nothing without entry and list."""
