"""Events of customers, their aggregates, and dead letters."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

from placet.storage.tables.base import UtcDateTime, metadata, partial_index

CUSTOMER_EVENT = Table(
    "customer_event",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("happened_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("folded", SmallInteger, nullable=False),
    Index("ix_customer_event_customer", "tenant", "customer_id", "happened_us"),
    partial_index("ix_customer_event_unfolded", "tenant", "customer_id", where="folded = 0"),
)
"""An event as it was taken. Times are microseconds since 1970, which both databases take from one JSON text unchanged.

`content` is its JSON as the contract writes it; `folded` says whether its customer's aggregate has it. No index is by
time alone: times arrive in no order, and with many events stored it cost more than all else.
"""

CUSTOMER_STATE = Table(
    "customer_state",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("household_id", Text),
    Column("version", BigInteger, nullable=False),
    Column("corrections", Integer, nullable=False),
    Column("newest_us", BigInteger),
    Column("oldest_us", BigInteger),
    Column("aggregate", Text, nullable=False),
    Column("aged", Text),
    Column("counted", SmallInteger, nullable=False),
    Index("ix_customer_state_household", "tenant", "household_id"),
    Index("ix_customer_state_oldest", "tenant", "oldest_us"),
    partial_index("ix_customer_state_uncounted", "tenant", "customer_id", where="counted = 0"),
)
"""What a customer's events led to. `aged`: what those that retention took away had led to.

`oldest_us`: no event that is folded and kept happened before; NULL where none is kept. `counted`: whether the key
figures have this row as it is. Whoever writes the row sets it to 0, so that no change is missed, however late it
commits.
"""

CUSTOMER_CHANGED = Table(
    "customer_changed",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("happened_us", BigInteger, nullable=False),
    Index("ix_customer_changed_happened", "tenant", "happened_us", "customer_id"),
)
"""Customers whose state was folded and whom nobody has followed yet, each once: a queue that is as long as it is late.

`version` is that of the state. `happened_us`: when the newest event that was folded since had happened.
"""

DEAD_LETTER = Table(
    "dead_letter",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("letter_id", Text, primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("subject", Text),
    Index("ix_dead_letter_received", "tenant", "received_at", "letter_id"),
    partial_index("ix_dead_letter_subject", "tenant", "subject", where="subject IS NOT NULL"),
)
"""What arrived and could not be taken, with the reason. `letter_id` is the SHA-256 of the content, shortened.

`subject` is the key that it names, where it could not be taken because of that.
"""

CUSTOMER_KEY = Table(
    "customer_key",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("held", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime),
    Column("source", Text, nullable=False),
    Column("said_by", Text, nullable=False),
    Index("ix_customer_key_customer", "tenant", "customer_id"),
)
"""What each customer's aggregate says of their keys (`placet.contracts.identity.keys`), written when it is folded."""

CUSTOMER_MERGE = Table(
    "customer_merge",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("merge_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("merged_id", Text, nullable=False),
    Column("merge", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("split_by", Text),
    Column("split_at", UtcDateTime),
    Column("split", Text),
    Index("ix_customer_merge_kept", "tenant", "customer_id"),
    Index("ix_customer_merge_merged", "tenant", "merged_id"),
)
"""Merges by the ids that they name. Whether one is in force, the record and the signed document say, never this."""
