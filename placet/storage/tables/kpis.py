"""Key figures that are kept: sums of a day, and what each customer and household adds to those of the present day."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text

from placet.storage.tables.base import metadata, partial_index

KPI_COUNT = Table(
    "kpi_count",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("day", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("after", Text),
)
"""How far a tenant's figures are counted: one row, which whoever changes them locks first.

`epoch` grows whenever counting begins anew; `after` is the customer up to whom it has come, NULL where all are counted.
`digest` is that of the definitions.
"""

KPI_PART = Table(
    "kpi_part",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("household_id", Text),
    Column("members", Integer, nullable=False),
    Column("ids", Text),
    Column("unreadable", SmallInteger, nullable=False),
    Column("part", Text, nullable=False),
    Index("ix_kpi_part_household", "tenant", "household_id", "members"),
    partial_index("ix_kpi_part_ids", "tenant", "customer_id", where="ids IS NOT NULL"),
    partial_index("ix_kpi_part_unreadable", "tenant", "customer_id", where="unreadable = 1"),
)
"""What one customer adds to the sums of the present day. `household_id` is their row's; `ids`: merged ones."""

KPI_HOUSEHOLD = Table(
    "kpi_household",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("household_id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("due", SmallInteger, nullable=False),
    Column("part", Text, nullable=False),
    partial_index("ix_kpi_household_due", "tenant", "household_id", where="due = 1"),
)
"""What the members of a household hold together. `due`: how many they are has changed, and they are counted again."""

KPI_SUM = Table(
    "kpi_sum",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("sums", Text, nullable=False),
)
"""The sums of a day: of all customers, whose segment is empty, and of each named segment. Closed days stay."""
