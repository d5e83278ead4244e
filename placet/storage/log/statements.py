"""What the record asks the database, each statement built once."""

from sqlalchemy import bindparam, select, text

from placet.contracts.audit import BESIDES, AuditEvent
from placet.storage.tables import AUDIT

FIELDS = tuple(AUDIT.c[name] for name in AuditEvent.model_fields)

STEP = select(*FIELDS).where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.step_key == bindparam("step_key"))
AT_ONCE = 5
STEPS = select(*FIELDS).where(
    AUDIT.c.stream == bindparam("stream"),
    AUDIT.c.step_key.in_([bindparam(f"step_key_{number}") for number in range(AT_ONCE)]),
)
LAST = select(*FIELDS).where(AUDIT.c.stream == bindparam("stream")).order_by(AUDIT.c.seq.desc()).limit(1)
PAGE = (
    select(*FIELDS)
    .where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.seq > bindparam("after"))
    .order_by(AUDIT.c.seq)
    .limit(bindparam("limit"))
)
OF_KIND = PAGE.where(AUDIT.c.kind == bindparam("kind"))
LATEST_OF_KIND = (
    select(*FIELDS)
    .where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.kind == bindparam("kind"))
    .order_by(AUDIT.c.seq.desc())
    .limit(bindparam("limit"))
)
EARLIER_OF_KIND = LATEST_OF_KIND.where(AUDIT.c.seq < bindparam("before"))
OWN_STEPS = PAGE.where(AUDIT.c.kind.not_in(BESIDES))
AT = select(AUDIT.c.id.label("position"), *FIELDS).where(
    AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id.in_(bindparam("positions", expanding=True))
)
BEFORE = (
    select(AUDIT.c.id)
    .where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.recorded_at < bindparam("since"))
    .order_by(AUDIT.c.id.desc())
    .limit(1)
)
NEWEST = (
    select(AUDIT.c.id.label("position"), *FIELDS)
    .where(
        AUDIT.c.tenant == bindparam("tenant"),
        AUDIT.c.id > bindparam("after"),
        AUDIT.c.id < bindparam("before"),
        AUDIT.c.kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(AUDIT.c.id.desc())
    .limit(bindparam("limit"))
)
PLACES = select(AUDIT.c.id).where(AUDIT.c.stream == bindparam("stream")).order_by(AUDIT.c.seq)
STREAMS = select(AUDIT.c.stream).where(AUDIT.c.tenant == bindparam("tenant"), text("seq = 1")).order_by(AUDIT.c.id)
TAIL = (
    select(AUDIT.c.id.label("position"), *FIELDS)
    .where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id > bindparam("after"))
    .order_by(AUDIT.c.id)
    .limit(bindparam("limit"))
)
TAIL_LATER = TAIL.offset(bindparam("skip"))
LAST_OF_ALL = select(AUDIT.c.id).where(AUDIT.c.tenant == bindparam("tenant")).order_by(AUDIT.c.id.desc()).limit(1)
HASHES = (
    select(AUDIT.c.id, AUDIT.c.hash)
    .where(AUDIT.c.tenant == bindparam("tenant"), AUDIT.c.id > bindparam("after"))
    .order_by(AUDIT.c.id)
    .limit(bindparam("limit"))
)

# Ids are handed out before they commit, so a reader could see 6 before 5 and then skip 5 for ever. An
# appender holds ROW EXCLUSIVE on the table from before it takes an id until its commit. Whatever was recorded
# before the oldest such transaction began has no uncommitted id below it. A start time that we may not see
# (another role's, or one that ended this moment) counts as older than all: then nothing is settled.
SETTLED_BEFORE = text(
    """SELECT nullif(coalesce(min(coalesce(a.xact_start, '-infinity'::timestamptz)), statement_timestamp()),
        '-infinity'::timestamptz)
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'relation' AND l.relation = 'audit_event'::regclass AND l.mode = 'RowExclusiveLock'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.pid <> pg_backend_pid()"""
)
SETTLED_ID = select(AUDIT.c.id).where(AUDIT.c.recorded_at < bindparam("horizon")).order_by(AUDIT.c.id.desc()).limit(1)
