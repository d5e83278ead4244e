"""The Merkle log of each tenant: entries in order, subtree hashes, signed checkpoints, the integrator's lease."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What is in these tables is final. SQLite's INSERT OR REPLACE would delete a row without firing DELETE triggers, so an
# insert over an existing key is refused there by a trigger of its own; PostgreSQL refuses it by the key.
UNIQUE_KEYS: dict[str, list[tuple[str, ...]]] = {
    "log_entry": [("tenant", "leaf_index"), ("position",), ("tenant", "leaf_hash")],
    "log_node": [("tenant", "number")],
    "log_checkpoint": [("tenant", "size")],
}


def upgrade() -> None:
    op.create_table(
        "log_entry",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("leaf_index", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("position", name="uq_log_entry_position"),
        sa.UniqueConstraint("tenant", "leaf_hash", name="uq_log_entry_tenant_leaf_hash"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_node",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "log_lease",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
    )
    for table in UNIQUE_KEYS:
        _guard(table)


def downgrade() -> None:
    for table in ("log_lease", "log_checkpoint", "log_node", "log_entry"):
        op.drop_table(table)


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for event in ("UPDATE", "DELETE", "TRUNCATE"):
            each = "STATEMENT" if event == "TRUNCATE" else "ROW"
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} FOR EACH {each} "
                f"EXECUTE FUNCTION placet_refuse('{table} is append-only: {event} refused')"
            )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} FOR EACH ROW "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {event} refused'); END"
        )
    taken = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
        for key in UNIQUE_KEYS[table]
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW WHEN {taken} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: REPLACE refused'); END"
    )
