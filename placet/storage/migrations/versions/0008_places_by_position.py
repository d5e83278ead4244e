"""Find an entry's place in the log by its position in the record alone.

Leaf hashes come in random order: the longer the log, the more an integration cost in the index of their unique key. The
key on positions alone keeps an entry from standing in the log twice.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PLACES = [("tenant", "leaf_index"), ("position",)]
_LEAF = "uq_log_entry_tenant_leaf_hash"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(_LEAF, "log_entry")
    else:
        _rebuild(keys=_PLACES)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_unique_constraint(_LEAF, "log_entry", ["tenant", "leaf_hash"])
    else:
        _rebuild(sa.UniqueConstraint("tenant", "leaf_hash", name=_LEAF), keys=[*_PLACES, ("tenant", "leaf_hash")])


def _rebuild(*more: sa.UniqueConstraint, keys: list[tuple[str, ...]]) -> None:
    """Make the table anew: SQLite cannot drop a unique key. The triggers go with the old table."""
    columns = "tenant, leaf_index, position, leaf_hash"
    op.create_table(
        "log_entry_rebuilt",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("position", name="uq_log_entry_position"),
        *more,
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO log_entry_rebuilt ({columns}) SELECT {columns} FROM log_entry ORDER BY tenant, leaf_index")
    op.drop_table("log_entry")
    op.rename_table("log_entry_rebuilt", "log_entry")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER log_entry_no_{event.lower()} BEFORE {event} ON log_entry FOR EACH ROW "
            f"BEGIN SELECT RAISE(ABORT, 'log_entry is append-only: {event} refused'); END"
        )
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM log_entry WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
        for key in keys
    )
    op.execute(
        f"CREATE TRIGGER log_entry_no_replace BEFORE INSERT ON log_entry FOR EACH ROW WHEN {taken} "
        f"BEGIN SELECT RAISE(ABORT, 'log_entry is append-only: REPLACE refused'); END"
    )
