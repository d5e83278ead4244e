"""A read that failed leaves nothing behind: whoever reads next on its connection sees what was committed since."""

import pytest
from sqlalchemy import text

from placet.errors import StorageError
from placet.storage.database import Database
from tests.integration.state.sending import recharge, take


@pytest.mark.parametrize("reading", ["reading", "snapshot", "transaction"])
def test_after_a_row_that_the_driver_cannot_decode_the_next_reader_sees_the_present(
    database: Database, reading: str
) -> None:
    if not database.name.startswith("sqlite"):
        pytest.skip("PostgreSQL keeps no text that is not UTF-8")
    take(database, *(recharge(number) for number in range(5)))
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_event SET content = CAST(X'ff' AS TEXT) WHERE event_id = 'r3'"))
    kept = []  # as a log or a page keeps what went wrong
    for _ in range(3):
        with pytest.raises(StorageError) as caught, getattr(database, reading)() as tx:
            tx.events.of_customer("demo", "C00001")
        kept.append(caught.value)
    for number in range(10, 13):
        take(database, recharge(number))
        for _ in range(4):
            with database.reading() as tx:
                assert tx.events.content("demo", "bss", f"r{number}") is not None
