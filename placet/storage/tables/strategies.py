"""Rollouts under way, and who takes part in them."""

from sqlalchemy import Column, Index, Integer, SmallInteger, Table, Text

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
    Index("ix_rollout_started", "tenant", "started_at", "version"),
)
"""Where each rollout stands, for lists, and what its steps have done. How far it may reach is asked of the record.

`enrolled`: for how many moves its cohort was taken down; `reached_at`: when runs were started for all of its stage.
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
    partial_index(
        "ix_rollout_member_waiting",
        "tenant",
        "version",
        "bucket",
        "customer_id",
        where="run_id IS NULL AND control = 0",
    ),
)
"""Who was in the cohort when a stage began, in the control group or not: whom outcomes are measured on."""
