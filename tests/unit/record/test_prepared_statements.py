"""A process runs for months: a statement that was made for one call is let go after it, with all that it cost."""

import gc
import weakref
from collections.abc import Callable, Mapping

import pytest
from sqlalchemy import Dialect, Executable, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from placet.storage.sql.driver import Statements
from placet.storage.tables import RUN

_DIALECTS: tuple[Dialect, ...] = (sqlite.dialect(), postgresql.psycopg.dialect())  # type: ignore[no-untyped-call]
_OTHER = RUN.alias()

_MADE: dict[str, tuple[Callable[[], Executable], Mapping[str, object]]] = {
    "select": (lambda: select(RUN.c.run_id).where(RUN.c.tenant == bindparam("of")), {"of": "acme"}),
    "list from outside": (
        lambda: select(RUN.c.run_id).where(RUN.c.run_id.in_(bindparam("many", expanding=True))),
        {"many": ["a", "b"]},
    ),
    "list of its own": (lambda: select(RUN.c.run_id).where(RUN.c.run_id.in_(["a", "b"])), {}),
    "within another": (
        lambda: select(func.count()).where(exists(select(_OTHER.c.run_id).where(_OTHER.c.reverses == RUN.c.run_id))),
        {},
    ),
    "named query": (lambda: select((named := select(RUN.c.run_id).cte()).c.run_id).where(named.c.run_id > "a"), {}),
    "update": (lambda: update(RUN).where(RUN.c.run_id == "a").values(detail="said"), {}),
    "insert": (lambda: insert(RUN).values(run_id="a", tenant="acme"), {}),
    "delete": (lambda: delete(RUN).where(RUN.c.run_id == "a"), {}),
}


@pytest.mark.parametrize("dialect", _DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("made", _MADE)
def test_a_statement_made_for_one_call_is_let_go_after_it(dialect: Dialect, made: str) -> None:
    make, parameters = _MADE[made]
    statements, statement = Statements(dialect), make()
    first = statements.prepared(statement, parameters).bound(parameters)
    assert statements.prepared(statement, parameters).bound(parameters) == first  # of what it has prepared
    held = weakref.ref(statement)
    del statement
    gc.collect()
    assert held() is None
