"""Statements on the driver: SQLAlchemy writes their text once, the driver runs it.

A run costs some seventy small statements. Run through SQLAlchemy's `Connection`, each is looked up, bound, wrapped and
unwrapped in Python anew, which takes longer than the database takes, under Python's global lock. What stays the
same, the text and the conversion of values, is made once per statement here. SQLAlchemy keeps what it is good at:
dialects, types, the pool, migrations.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine, Executable
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from placet.storage.sql.reading import unreadable

Convert = Callable[[Any], Any]
Row = Mapping[str, Any]


class Rows:
    """What a statement returned, fetched whole.

    Attributes:
        rowcount: How many rows it returned or changed.
    """

    __slots__ = ("_columns", "_values", "rowcount")

    def __init__(self, columns: Sequence[str], values: list[tuple[Any, ...]], rowcount: int) -> None:
        self._columns, self._values, self.rowcount = columns, values, rowcount

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._values)

    def all(self) -> list[tuple[Any, ...]]:
        """Return every row."""
        return self._values

    def one_or_none(self) -> tuple[Any, ...] | None:
        """Return the only row, None when there is none.

        Raises:
            ValueError: there are several.
        """
        found: tuple[Any, ...] | None = _only(self._values)
        return found

    def one(self) -> tuple[Any, ...]:
        """Return the only row.

        Raises:
            ValueError: there is none, or there are several.
        """
        (row,) = self._values
        return row

    def mappings(self) -> "MappedRows":
        """Return the rows by column name."""
        columns = self._columns
        return MappedRows(dict(zip(columns, row, strict=True)) for row in self._values)


class MappedRows(list[dict[str, Any]]):
    """Rows by column name."""

    def all(self) -> list[dict[str, Any]]:
        """Return every row."""
        return self

    def one_or_none(self) -> dict[str, Any] | None:
        """Return the only row, None when there is none.

        Raises:
            ValueError: there are several.
        """
        found: dict[str, Any] | None = _only(self)
        return found


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One statement as the driver takes it, for one set of parameter names.

    Attributes:
        order: Names by position where the driver counts places; None where it takes them by name.
        literals: Values that the statement itself carries.
        binds: How to convert values of these names for the driver.
        columns: Names of the columns returned; empty where only the driver knows them.
        results: How to convert the value of each column; None where none needs it.
        expanding: What makes lists into as many places as they have elements, at each run; None where there are none.
    """

    text: str
    order: tuple[str, ...] | None
    literals: dict[str, Any]
    binds: tuple[tuple[str, Convert], ...]
    table: str
    columns: tuple[str, ...]
    results: tuple[Convert | None, ...] | None
    expanding: SQLCompiler | None

    def bound(self, parameters: Row) -> tuple[str, Any]:
        """Return the text and the values for one execution."""
        values = {**self.literals, **parameters}
        if self.expanding is not None:
            return self._expanded(self.expanding, values)
        for name, convert in self.binds:
            values[name] = convert(values[name])
        order = self.order
        return self.text, values if order is None else tuple([values[name] for name in order])

    def _expanded(self, compiled: SQLCompiler, values: dict[str, Any]) -> tuple[str, Any]:
        state = compiled.construct_expanded_state(values)
        taken = {**values, **state.additional_parameters}
        for name, convert in {**dict(self.binds), **state.processors}.items():
            if name in taken and callable(convert):
                taken[name] = convert(taken[name])
        positions = state.positiontup
        return state.statement, taken if positions is None else tuple(taken[name] for name in positions)

    def converted(self, rows: list[Any]) -> list[tuple[Any, ...]]:
        """Convert the driver's rows to the values that the columns' types promise."""
        convert = self.results
        if convert is None:
            return rows
        return [tuple(self._converted(convert, row)) for row in rows]

    def _converted(self, convert: tuple[Convert | None, ...], row: Any) -> list[Any]:
        try:
            return [value if change is None else change(value) for change, value in zip(convert, row, strict=True)]
        except (ValueError, TypeError) as error:  # SQLite keeps any value in any column
            raise unreadable(self.table, row[0], str(error)) from error


class Statements:
    """Prepared statements of databases of one kind; a statement that is made anew each time is prepared anew.

    What is prepared is kept as long as its statement is, so nothing of it may refer to that statement.
    """

    __slots__ = ("_dialect", "_known")

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: WeakKeyDictionary[Executable, dict[tuple[str, ...], _Prepared]] = WeakKeyDictionary()

    @classmethod
    def of(cls, dialect: Dialect) -> "Statements":
        """Return the process's statements for this dialect: what one database has prepared serves every other."""
        return _OF_A_KIND.setdefault((dialect.name, dialect.driver), cls(dialect))

    def prepared(self, statement: Executable, parameters: Row) -> _Prepared:
        """Return `statement` prepared for parameters of these names."""
        names = tuple(parameters)
        known = self._known.get(statement)
        if known is None:
            known = self._known[statement] = {}
        found = known.get(names)
        if found is None:
            found = known[names] = self._prepare(statement, names)
        return found

    def _prepare(self, statement: Executable, names: tuple[str, ...]) -> _Prepared:
        compiled: Any = statement.compile(dialect=self._dialect, column_keys=names)  # type: ignore[attr-defined]
        if compiled.insert_prefetch or compiled.update_prefetch:
            raise TypeError(f"a column of {compiled} has a default in Python, which nothing here fills in")
        static = {bind.key for bind in compiled.binds.values() if bind.expanding and not bind.required}
        expanding = any(bind.expanding and bind.required for bind in compiled.binds.values())
        binds = tuple(
            (name, convert)
            for name, bind in compiled.binds.items()
            if (convert := _impl(bind.type, self._dialect).bind_processor(self._dialect)) is not None
            and not bind.expanding
        )
        columns = tuple(getattr(statement, "exported_columns", ()))
        results = tuple(_impl(column.type, self._dialect).result_processor(self._dialect, None) for column in columns)
        text, order = str(compiled), compiled.positiontup
        literals = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
        if static and not expanding:  # lists that the statement itself carries have their places once and for all
            state = compiled.construct_expanded_state(dict.fromkeys(names))
            text, order = state.statement, state.positiontup
            given = {name: value for name, value in state.additional_parameters.items() if name not in names}
            literals = {name: state.processors.get(name, _same)(value) for name, value in given.items()}
            binds = tuple((name, convert) for name, convert in binds if name in names)
        return _Prepared(
            text=text,
            order=None if order is None else tuple(order),
            literals=literals,
            binds=binds,
            table=str(getattr(getattr(next(iter(columns), None), "table", None), "name", "?")),
            columns=tuple(column.name for column in columns),
            results=results if any(results) else None,
            expanding=_without_statement(compiled) if expanding else None,
        )


def _without_statement(compiled: Any) -> SQLCompiler:
    """Return what was compiled without the statement that it was compiled of, which would never be let go."""
    compiled.statement = compiled.compile_state = compiled.dml_compile_state = None
    return compiled  # type: ignore[no-any-return]


_OF_A_KIND: dict[tuple[str, str], Statements] = {}


class Connection:
    """One transaction on one connection of the pool. Repositories run their statements on it.

    Args:
        engine: Whose pool it is of.
        pooled: The pool's connection.
        statements: Prepared statements of its database.
        begin: Statement that begins the transaction; empty where the driver does.

    Attributes:
        dialect: How the database speaks.
    """

    __slots__ = ("_cursor", "_engine", "_pooled", "_savepoints", "_statements", "dialect")

    def __init__(self, engine: Engine, pooled: PoolProxiedConnection, statements: Statements, begin: str) -> None:
        self._engine, self._pooled, self._statements = engine, pooled, statements
        self.dialect = engine.dialect
        self._cursor: DBAPICursor = pooled.cursor()
        self._savepoints = 0
        if begin:
            self._run(begin)

    def execute(self, statement: Executable, parameters: Row | Sequence[Row] = {}) -> Rows:  # noqa: B006 - read only
        """Run `statement`; with a list of parameters, once for each.

        Raises:
            DBAPIError: the database or the driver refused.
        """
        if not isinstance(parameters, Mapping):
            return self._execute_many(statement, parameters)
        prepared = self._statements.prepared(statement, parameters)
        self._run(*prepared.bound(parameters))
        cursor: Any = self._cursor
        described = cursor.description
        if described is None:
            return Rows((), [], cursor.rowcount)
        try:
            rows = prepared.converted(list(self._guarded(cursor.fetchall)))
        except BaseException:
            self._leave_cursor()
            raise
        return Rows(prepared.columns or [column[0] for column in described], rows, len(rows))

    def stream(self, statement: Executable, batch: int = 500) -> Iterator[tuple[Any, ...]]:
        """Run `statement` and return its rows as they come, a batch at a time, for what is too large to hold.

        Raises:
            DBAPIError: the database or the driver refused.
        """
        prepared = self._statements.prepared(statement, {})
        # PostgreSQL sends everything at once unless the cursor has a name.
        cursor: Any = self._pooled.cursor() if self.dialect.name == "sqlite" else self._pooled.cursor("placet_stream")
        try:
            self._guarded(lambda: cursor.execute(*prepared.bound({})))
            while rows := self._guarded(lambda: cursor.fetchmany(batch)):
                yield from prepared.converted(list(rows))
        finally:
            cursor.close()

    def scalar(self, statement: Executable, parameters: Row = {}) -> Any:  # noqa: B006
        """Return the first value of the first row, None when there is no row.

        Raises:
            DBAPIError: the database or the driver refused.
        """
        row = next(iter(self.execute(statement, parameters)), None)
        return None if row is None else row[0]

    def scalars(self, statement: Executable, parameters: Row = {}) -> list[Any]:  # noqa: B006
        """Return the first value of every row.

        Raises:
            DBAPIError: the database or the driver refused.
        """
        return [row[0] for row in self.execute(statement, parameters)]

    @contextmanager
    def begin_nested(self) -> Iterator[None]:
        """Undo what the block did when it raises, and raise; the transaction around it goes on."""
        self._savepoints += 1
        name = f"placet_{self._savepoints}"
        self._run(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            self._run(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        self._run(f"RELEASE SAVEPOINT {name}")

    def commit(self) -> None:
        """Commit.

        Raises:
            DBAPIError: the database refused, or its answer was lost.
        """
        self._guarded(self._pooled.commit)

    def rollback(self) -> None:
        """Take everything back; a connection that cannot even do that is given up."""
        if not self._pooled.is_valid:
            return
        try:
            self._pooled.rollback()
        except self.dialect.loaded_dbapi.Error as error:
            with suppress(self.dialect.loaded_dbapi.Error):
                self._pooled.invalidate(error)

    def _execute_many(self, statement: Executable, parameters: Sequence[Row]) -> Rows:
        prepared = self._statements.prepared(statement, parameters[0])
        bound = [prepared.bound(one) for one in parameters]
        self._guarded(lambda: self._cursor.executemany(bound[0][0], [values for _, values in bound]))
        return Rows((), [], self._cursor.rowcount)

    def _leave_cursor(self) -> None:
        """Go on with another cursor after a read that failed.

        SQLite keeps the snapshot of a statement that was not read to its end, past the end of the transaction: whoever
        came next on this connection would read the past, and in it a token that is revoked since.
        """
        if self._pooled.is_valid:
            with suppress(self.dialect.loaded_dbapi.Error):
                self._cursor.close()
                self._cursor = self._pooled.cursor()

    def _run(self, text: str, values: Any = ()) -> None:
        try:
            self._cursor.execute(text, values)
        except self.dialect.loaded_dbapi.Error as error:
            raise self._refused(text, error) from error

    def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except self.dialect.loaded_dbapi.Error as error:
            raise self._refused("", error) from error

    def _refused(self, text: str, error: Exception) -> DBAPIError:
        gone = self.dialect.is_disconnect(error, self._pooled.driver_connection, self._cursor)  # type: ignore[arg-type]
        if gone:  # what made this connection end has ended the idle ones as well
            self._pooled.invalidate(error)
            self._engine.dispose()
        return DBAPIError(text or "COMMIT", None, error, connection_invalidated=gone)


def _same(value: Any) -> Any:
    return value


def _impl(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)


def _only(rows: Sequence[Any]) -> Any:
    if not rows:
        return None
    (row,) = rows
    return row
