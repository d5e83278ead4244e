"""Quorum, reversals, mandates, halts, delegations, notifications, control proposals."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

# See the first schema: an insert over an existing key is ignored on SQLite, where REPLACE would delete the old row.
UNIQUE_KEYS: dict[str, list[tuple[str, ...]]] = {
    "decision_use": [
        ("tenant", "decision_id"),
        ("run_id", "phase", "proposal", "place"),
        ("run_id", "phase", "proposal", "key_id", "verdict"),
    ],
    "mandate": [("tenant", "mandate_id")],
    "mandate_use": [("run_id", "proposal")],
    "halt": [("halt_id",)],
    "delegation": [("tenant", "delegation_id")],
    "control_run": [("run_id",)],
}
_OLD_DECISION_KEYS: dict[str, list[tuple[str, ...]]] = {"decision_use": [("tenant", "decision_id"), ("run_id", "phase")]}
_DECISION_COLUMNS = (
    "tenant, decision_id, run_id, phase, proposal, verdict, approver, key_id, decided_at, reason, envelope_digest"
)


def upgrade() -> None:
    op.add_column("run", sa.Column("reverses", sa.Text))
    op.create_index("ix_run_reverses", "run", ["reverses"])
    _rebuild_decision_use()
    _create_mandate()
    _create_halt()
    _create_delegation()
    _create_notification()
    _create_control_run()
    _create_guards()


def downgrade() -> None:
    on = " ON effect" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER effect_no_update_of_effect_key{on}")
    for table in ("control_run", "notification", "delegation", "halt", "mandate_use", "mandate"):
        op.drop_table(table)
    # Only what the older schema can hold goes back: the first decision of each run and phase.
    op.rename_table("decision_use", "decision_use_since")
    _create_decision_use(sa.UniqueConstraint("run_id", "phase", name="uq_decision_use_run_phase"))
    op.execute(
        f"INSERT INTO decision_use ({_DECISION_COLUMNS}) SELECT {_DECISION_COLUMNS} FROM decision_use_since s "
        "WHERE NOT EXISTS (SELECT 1 FROM decision_use_since e WHERE e.run_id = s.run_id AND e.phase = s.phase "
        "AND (e.decided_at, e.decision_id) < (s.decided_at, s.decision_id))"
    )
    op.drop_table("decision_use_since")
    _keep_every_row("decision_use", "decision_use is append-only")
    _refuse("decision_use", "UPDATE", "decision_use is append-only: UPDATE refused")
    _ignore_replacement(_OLD_DECISION_KEYS)
    op.drop_index("ix_run_reverses", "run")
    op.drop_column("run", "reverses")


def _rebuild_decision_use() -> None:
    op.rename_table("decision_use", "decision_use_before")
    _create_decision_use(
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("delegated_by", sa.Text),
        sa.Column("delegation_id", sa.Text),
        sa.Column("batch", sa.Text),
        sa.UniqueConstraint("run_id", "phase", "proposal", "place", name="uq_decision_use_place"),
        sa.UniqueConstraint("run_id", "phase", "proposal", "key_id", "verdict", name="uq_decision_use_key"),
    )
    op.execute(
        f"INSERT INTO decision_use ({_DECISION_COLUMNS}, place, roles) "
        f"SELECT {_DECISION_COLUMNS}, 1, '' FROM decision_use_before"
    )
    op.drop_table("decision_use_before")


def _create_decision_use(*further: sa.schema.SchemaItem) -> None:
    op.create_table(
        "decision_use",
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("envelope_digest", sa.Text, nullable=False),
        # The table it replaces still holds the name that PostgreSQL would choose.
        sa.PrimaryKeyConstraint("tenant", "decision_id", name=f"pk_decision_use_{'places' if further[1:] else 'phase'}"),
        *further,
    )


def _create_mandate() -> None:
    op.create_table(
        "mandate",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("mandate_id", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("budget_minor", sa.BigInteger, nullable=False),
        sa.Column("spent_minor", sa.BigInteger, nullable=False),
        sa.Column("mandate", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        *_revocation(),
        sa.CheckConstraint("spent_minor >= 0 AND spent_minor <= budget_minor", name="ck_mandate_budget"),
    )
    op.create_index("ix_mandate_tenant_agent", "mandate", ["tenant", "agent", "valid_until"])
    op.create_table(
        "mandate_use",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("proposal", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("mandate_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("released_at", TIME),
    )
    op.create_index(
        "ix_mandate_use_customer", "mandate_use", ["tenant", "mandate_id", "customer_id", "used_at"]
    )


def _create_halt() -> None:
    op.create_table(
        "halt",
        sa.Column("halt_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", TIME, nullable=False),
        sa.Column("lifted_by", sa.Text),
        sa.Column("lifted_at", TIME),
        sa.Column("lift", sa.Text),
        sa.CheckConstraint(
            "(lifted_by IS NULL) = (lifted_at IS NULL) AND (lifted_at IS NULL) = (lift IS NULL)", name="ck_halt_lifted"
        ),
    )
    op.create_index("ix_halt_tenant", "halt", ["tenant", "lifted_at"])


def _create_delegation() -> None:
    op.create_table(
        "delegation",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("delegation_id", sa.Text, primary_key=True),
        sa.Column("delegate", sa.Text, nullable=False),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("delegation", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        *_revocation(),
    )
    op.create_index("ix_delegation_delegate", "delegation", ["tenant", "delegate", "valid_until"])


def _revocation() -> tuple[sa.Column[object], ...]:
    return (sa.Column("revoked_by", sa.Text), sa.Column("revoked_at", TIME), sa.Column("revoked_reason", sa.Text))


def _create_notification() -> None:
    op.create_table(
        "notification",
        sa.Column(
            "notification_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True
        ),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("proposal", sa.Text, nullable=False),
        sa.Column("occasion", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", TIME),
        sa.Column("delivered_at", TIME),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.UniqueConstraint(
            "run_id", "occasion", "proposal", "channel", "recipient", name="uq_notification_once"
        ),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("status = 'waiting'")
    for name, columns in (("due", ["channel", "next_attempt_at"]), ("lane", ["channel", "recipient", "next_attempt_at", "tenant"])):
        op.create_index(
            f"ix_notification_{name}", "notification", columns, sqlite_where=waiting, postgresql_where=waiting
        )
    op.create_index("ix_notification_tenant", "notification", ["tenant", "notification_id"])


def _create_control_run() -> None:
    op.create_table(
        "control_run",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("flaw", sa.Text, nullable=False),
        sa.Column("seeded_by", sa.Text, nullable=False),
        sa.Column("seeded_at", TIME, nullable=False),
    )


def _create_guards() -> None:
    for table in UNIQUE_KEYS:
        append_only = table in ("decision_use", "control_run")
        _keep_every_row(table, f"{table} is append-only" if append_only else f"{table} keeps every row")
        if append_only:
            _refuse(table, "UPDATE", f"{table} is append-only: UPDATE refused")
    _final("mandate", "tenant, mandate_id, agent, valid_until, budget_minor, mandate, document, key_id")
    _final("mandate_use", "run_id, proposal, tenant, mandate_id, customer_id, amount_minor, used_at")
    _final("effect", "effect_key, tenant, run_id, proposal, claimed_at")
    _final("halt", "halt_id, tenant, scope, subject, reason, placed_by, placed_at")
    _final("delegation", "tenant, delegation_id, delegate, valid_until, delegation, document, key_id")
    for table, column in (("mandate_use", "released_at"), ("halt", "lifted_at"), ("delegation", "revoked_at")):
        _refuse(table, "UPDATE", f"a closed {table} is final: UPDATE refused", when=f"OLD.{column} IS NOT NULL")
    # What a revoked mandate lent may still be given back.
    columns = ("revoked_at", "revoked_by", "revoked_reason")
    changed = " OR ".join(f"NEW.{column} IS NULL OR NEW.{column} <> OLD.{column}" for column in columns)
    _refuse(
        "mandate",
        "UPDATE",
        "a revocation is final: UPDATE refused",
        when=f"OLD.revoked_at IS NOT NULL AND ({changed})",
    )
    _ignore_replacement(UNIQUE_KEYS)


def _final(table: str, columns: str) -> None:
    _refuse(table, f"UPDATE OF {columns}", f"{table} keeps what it is about: UPDATE refused")


def _keep_every_row(table: str, because: str) -> None:
    _refuse(table, "DELETE", f"{because}: DELETE refused")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            f"EXECUTE FUNCTION placet_refuse('{table} keeps every row: TRUNCATE refused')"
        )


def _refuse(table: str, event: str, message: str, when: str = "1 = 1") -> None:
    kind = event.lower().split(",")[0].replace(" ", "_")
    name = f"{table}_no_{kind}" if when == "1 = 1" else f"{table}_no_{kind}_when_closed"
    head = f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW WHEN ({when})"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} EXECUTE FUNCTION placet_refuse('{message}')")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{message}'); END")


def _ignore_replacement(unique_keys: dict[str, list[tuple[str, ...]]]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        return
    for table, keys in unique_keys.items():
        taken = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
            for key in keys
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW WHEN {taken} "
            "BEGIN SELECT RAISE(IGNORE); END"
        )
