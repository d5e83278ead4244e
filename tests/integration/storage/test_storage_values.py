"""A value that Placet never writes, in a row of ours: the row is named in one line, whatever list it stands in."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from placet.errors import StorageError
from placet.service.customers import list_customers
from placet.service.documents.invitations import Invitations
from placet.storage.database import Database
from placet.storage.inbox import InboxFilter
from placet.storage.sql.reading import UNREADABLE
from tests.support.databases import outsider
from tests.support.steps import Steps

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def invitations(database: Database) -> Invitations:
    return Invitations(database, "demo", SecretStr("s" * 32), lambda: AT)


def soonest(database: Database) -> object:
    with database.reading() as tx:
        return tx.inbox.page("demo", InboxFilter(), AT, limit=10)


def largest(database: Database) -> object:
    with database.reading() as tx:
        return tx.inbox.largest("demo", InboxFilter(), AT, limit=10)


LISTS: dict[str, Callable[[Database], object]] = {
    "soonest": soonest,
    "largest": largest,
    "customers": lambda database: list_customers(database, "demo", after="", limit=10),
    "invitations": lambda database: invitations(database).listed(),
}


@pytest.mark.parametrize(
    ("edit", "lists"),
    [
        ("UPDATE run SET cost_currency = '€€€'", ("soonest", "largest")),
        ("UPDATE run SET cost_minor = 'abc'", ("soonest", "largest")),
        ("UPDATE run SET quorum = 0", ("soonest", "largest")),
        ("UPDATE run SET customer_id = 'x' || char(0)", ("customers",)),
        ("UPDATE invitation SET days = 'abc'", ("invitations",)),
    ],
)
def test_a_value_that_is_none_of_ours_is_named_with_its_row(
    steps: Steps, database_url: str, edit: str, lists: tuple[str, ...]
) -> None:
    if "sqlite" not in database_url and not any(name in edit for name in ("currency", "quorum")):
        pytest.skip("PostgreSQL keeps no such value in a column of that type")
    database = steps.parts.database
    steps.to_the_gate()
    invitations(database).invite(
        name="ines", roles=("retention_lead",), limit="", days=30, by="root", voucher=None, key="a-form"
    )
    for name in lists:
        assert LISTS[name](database)
    with outsider(database_url) as shell:
        shell(edit)
    for name in lists:
        with pytest.raises(StorageError, match="cannot be read: ") as caught:
            LISTS[name](database)
        assert caught.value.code == UNREADABLE
