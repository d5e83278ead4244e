"""First schema: the record, artifacts, runs, approvers, decisions, effects, and the triggers that guard them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# Rows of these tables exist once under these keys. SQLite's INSERT OR REPLACE would delete the old row without firing
# DELETE triggers; there an insert over an existing key is ignored instead. PostgreSQL has no such statement.
UNIQUE_KEYS: dict[str, list[tuple[str, ...]]] = {
    "audit_event": [("id",), ("stream", "seq"), ("stream", "step_key")],
    "artifact": [("digest", "tenant")],
    "approver_key": [("key_id",)],
    "decision_use": [("tenant", "decision_id"), ("run_id", "phase")],
    "effect": [("effect_key",)],
}


def upgrade() -> None:
    _create_audit_event()
    _create_artifact()
    _create_run()
    _create_approver_key()
    _create_decision_use()
    _create_effect()
    _create_guards()


def downgrade() -> None:
    for table in ("effect", "decision_use", "approver_key", "run", "artifact", "audit_event"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION placet_refuse()")


def _create_audit_event() -> None:
    clock = "clock_timestamp()" if op.get_bind().dialect.name == "postgresql" else "CURRENT_TIMESTAMP"
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("step_key", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, server_default=sa.text(clock), nullable=False),
        sa.UniqueConstraint("stream", "seq", name="uq_audit_event_stream_seq"),
        sa.UniqueConstraint("stream", "step_key", name="uq_audit_event_stream_step_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_event_tenant_id", "audit_event", ["tenant", "id"])
    first = sa.text("seq = 1")
    op.create_index(
        "ix_audit_event_first_of_stream",
        "audit_event",
        ["tenant", "id"],
        sqlite_where=first,
        postgresql_where=first,
    )


def _create_artifact() -> None:
    op.create_table(
        "artifact",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("assessment", sa.Text),
        sa.Column("evidence", sa.Text),
        sa.Column("proposal", sa.Text),
        sa.Column("decision", sa.Text),
        sa.Column("receipt", sa.Text),
        sa.UniqueConstraint("tenant", "key", name="uq_run_tenant_key"),
    )
    op.create_index("ix_run_tenant_requested_at", "run", ["tenant", "requested_at", "run_id"])
    op.create_index("ix_run_tenant_state", "run", ["tenant", "state", "requested_at", "run_id"])
    op.create_index("ix_run_tenant_customer", "run", ["tenant", "customer_id", "requested_at", "run_id"])


def _create_approver_key() -> None:
    op.create_table(
        "approver_key",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("limit_minor", sa.BigInteger),
        sa.Column("limit_currency", sa.Text),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("enrolled_by", sa.Text, nullable=False),
        sa.Column("enrolled_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("revoked_by", sa.Text),
        sa.Column("revoked_at", TIME),
        sa.Column("revoked_reason", sa.Text),
    )
    op.create_index("ix_approver_key_tenant_name", "approver_key", ["tenant", "name"])


def _create_decision_use() -> None:
    op.create_table(
        "decision_use",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("decision_id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("envelope_digest", sa.Text, nullable=False),
        sa.UniqueConstraint("run_id", "phase", name="uq_decision_use_run_phase"),
    )


def _create_effect() -> None:
    op.create_table(
        "effect",
        sa.Column("effect_key", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_until", TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("receipt", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("resolved_by", sa.Text),
    )
    op.create_index("ix_effect_run_id", "effect", ["run_id"])


def _create_guards() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(
            "CREATE FUNCTION placet_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table in ("audit_event", "decision_use"):
        _refuse(table, "UPDATE", f"{table} is append-only: UPDATE refused")
        _refuse(table, "DELETE", f"{table} is append-only: DELETE refused")
    # DELETE of an artifact stays possible: erasure removes the content, its digest remains as proof.
    _refuse("artifact", "UPDATE", "artifact is immutable: UPDATE refused")
    _refuse("approver_key", "DELETE", "approver_key keeps every key: DELETE refused")
    _refuse(
        "approver_key",
        "UPDATE OF key_id, tenant, name, roles, limit_minor, limit_currency, public_key, enrolled_by, enrolled_at, expires_at",
        "approver_key can only be revoked: UPDATE refused",
    )
    _refuse("approver_key", "UPDATE", "a revocation is final: UPDATE refused", when="OLD.revoked_at IS NOT NULL")
    _refuse("effect", "DELETE", "effect keeps every row: DELETE refused")
    _refuse("effect", "UPDATE", "a closed effect is final: UPDATE refused", when="OLD.status IN ('settled', 'failed')")
    for table in ("audit_event", "decision_use", "approver_key", "effect"):
        if postgresql:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                f"EXECUTE FUNCTION placet_refuse('{table} keeps every row: TRUNCATE refused')"
            )
    if not postgresql:
        _ignore_replacement()


def _refuse(table: str, event: str, message: str, when: str = "1 = 1") -> None:
    kind = event.lower().split(",")[0].replace(" ", "_")
    name = f"{table}_no_{kind}" if when == "1 = 1" else f"{table}_no_{kind}_when_closed"
    head = f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN ({when})"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} EXECUTE FUNCTION placet_refuse('{message}')")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def _ignore_replacement() -> None:
    for table, keys in UNIQUE_KEYS.items():
        taken = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
            for key in keys
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW WHEN {taken} "
            "BEGIN SELECT RAISE(IGNORE); END"
        )
