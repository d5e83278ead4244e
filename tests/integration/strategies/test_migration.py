"""The revision of published strategies goes up and down on both databases, and loses nothing that was there before."""

from sqlalchemy import create_engine, inspect, text

from placet.governance.signing.canonical import digest
from placet.storage.database import Database
from tests.support.steps import Steps
from tests.support.strategies.published import Shop, shop, strategy

__all__ = ["shop"]

ADDED = {"run": {"strategy", "channel"}, "mandate": {"strategy"}}
INDEXES = {"run": "ix_run_strategy", "mandate": "ix_mandate_strategy"}


def columns(url: str) -> dict[str, set[str]]:
    engine = create_engine(url)
    try:
        return {
            table: {one["name"] for one in inspect(engine).get_columns(table)} & added for table, added in ADDED.items()
        }
    finally:
        engine.dispose()


def indexes(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return {str(one["name"]) for table in INDEXES for one in inspect(engine).get_indexes(table)} & set(
            INDEXES.values()
        )
    finally:
        engine.dispose()


def rows(url: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            found = connection.execute(text("SELECT run_id, customer_id, key FROM run ORDER BY run_id")).all()
            return [tuple(row) for row in found]
    finally:
        engine.dispose()


def test_the_columns_come_and_go_and_plain_runs_and_mandates_stay(
    steps: Steps, database: Database, database_url: str
) -> None:
    before = rows(database_url)
    assert len(before) == 1
    assert (columns(database_url), indexes(database_url)) == (ADDED, set(INDEXES.values()))
    database.downgrade("0016")
    assert columns(database_url) == {"run": set(), "mandate": set()}
    assert (indexes(database_url), rows(database_url)) == (set(), before)
    database.migrate()
    assert (columns(database_url), indexes(database_url)) == (ADDED, set(INDEXES.values()))
    assert rows(database_url) == before
    assert steps.to_the_gate()[1].verdict == "human"


def test_a_version_that_was_published_decides_nothing_after_its_column_was_lost(shop: Shop, database: Database) -> None:
    """The row then says otherwise than the signed document: it is altered, and fails closed."""
    one = strategy()
    shop.publish(one)
    asked = shop.run(one)
    database.downgrade("0016")
    database.migrate()
    analysed = asked.analyse()
    proposed = asked.propose(analysed, asked.query(analysed))
    assert proposed.proposal is None
    assert f"strategy version {digest(one)[:16]} is not in force" in proposed.summary
