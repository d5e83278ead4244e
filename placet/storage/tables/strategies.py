"""Rollouts under way, who takes part, what became of each, and where customers are in strategies of several steps."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text

from placet.storage.tables.base import UtcDateTime, metadata, partial_index

ROLLOUT = Table(
    "rollout",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("asked", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("enrolled", Integer, nullable=False),
    Column("reached_at", UtcDateTime),
    Column("looked_at", UtcDateTime),
    Column("looks", Integer, nullable=False),
    Column("next_at", UtcDateTime),
    Column("coming", SmallInteger, nullable=False, server_default="0"),
    Column("moves", Integer, server_default="0", nullable=False),
    Column("holds", Integer, server_default="0", nullable=False),
    Column("ended", Integer, server_default="0", nullable=False),
    Column("reopened", Integer, server_default="0", nullable=False),
    Index("ix_rollout_started", "tenant", "started_at", "version"),
)
"""Where each rollout stands, for lists, and what its steps have done. How far it may reach is asked of the record.

`enrolled`: for how many moves its cohort was taken down; `reached_at`: when runs were started for all of its stage.
`coming`: whether customers come in as something happens to them.
`moves`, `holds`, `ended`: how many such entries were written, so that one that is taken from the record is missed.
`reopened`: the last hold after which everybody whose run it ended was found.
"""

ROLLOUT_MEMBER = Table(
    "rollout_member",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("control", SmallInteger, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("enrolled_at", UtcDateTime, nullable=False),
    Column("run_id", Text),
    Column("signal_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("passed_over", Text),
    Column("segments", Text),
    Column("nonce", Text),
    Column("seal", Text),
    Index("ix_rollout_member_customer", "tenant", "customer_id"),
    Column("drawing", Integer),
    Column("came", BigInteger),
    partial_index(
        "ix_rollout_member_waiting",
        "tenant",
        "version",
        "bucket",
        "customer_id",
        where="run_id IS NULL AND control = 0 AND passed_over IS NULL",
    ),
    partial_index(
        "ix_rollout_member_of_customer",
        "tenant",
        "customer_id",
        "version",
        where="run_id IS NULL AND control = 0 AND passed_over IS NULL",
    ),
    partial_index("ix_rollout_member_started", "tenant", "version", "started_at", where="started_at IS NOT NULL"),
    partial_index("ix_rollout_member_came", "tenant", "version", "came", where="came IS NOT NULL"),
)
"""Who was in the cohort when a stage began or when they came in, in the control group or not: whom outcomes are
measured on.

`signal_at`: when what brought them in had happened. `started_at`: when their run was started last. `passed_over`: the
version of the strategy that was worth more for them or treated them, so that this one starts no run.
`segments`: the named ones they were in then. `seal` is of customer, time, segments and `nonce`; the record names the
digest of all. Of whoever is erased, segments and nonce go and the seal stays.
`drawing`: the number of the entry `rollout.drawn` whose digest covers the row; whom none covers counts nowhere. Of
strategies that take customers as they come it is empty; there `came` is the number of the entry `rollout.came`, in the
stream of those who come into that version, that names them.
"""

OUTCOME = Table(
    "outcome",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("days", Integer, primary_key=True, autoincrement=False),
    Column("customer_id", Text, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("entered_us", BigInteger, nullable=False),
    Column("counted_us", BigInteger, nullable=False),
    Column("unknown", Text),
    Column("spend", BigInteger),
    Column("marks", Integer),
    Column("spend_before", BigInteger),
    Column("marks_before", Integer),
    Column("given", BigInteger),
    Column("segments", Text),
    Column("nonce", Text),
    Column("seal", Text, nullable=False),
    Index("ix_outcome_customer", "tenant", "customer_id"),
)
"""What became of a member of a rollout so many days after they entered: counted once when the days are over.

See `placet.contracts.outcomes.windows.MemberOutcome`. The record names the digest of each batch's seals.
"""

JOURNEY = Table(
    "journey",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("strategy", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("signal_at", UtcDateTime),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("step_since", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
    Column("converted_at", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ended_code", Text),
    Column("reason", Text),
    Index("ix_journey_entered", "tenant", "strategy", "entered_at", "customer_id"),
    Index("ix_journey_step", "tenant", "strategy", "step", "ended_code"),
)
"""Where each customer is in a strategy of several steps, for lists and figures. What may be done, the record says.

`number`: which of their times in it, from 1; `told_at`: when the first of its runs took effect.
"""
