"""Rows read into the frozen models of Placet. A row that is none, whoever wrote it, is named in one line."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from placet.contracts.base import first_fault
from placet.contracts.receipt import Receipt
from placet.contracts.text import NAME, quoted
from placet.errors import StorageError

M = TypeVar("M", bound=BaseModel)

UNREADABLE = "storage_row"


def read_as(model: type[M], table: str, name: object, values: Mapping[str, object]) -> M:
    """Return the `model` that a row holds.

    Args:
        model: What it is.
        table: Its table, for the error.
        name: What tells the row from others, for the error.
        values: Its columns.

    Raises:
        StorageError: code `storage_row`; it holds none.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise unreadable(table, name, first_fault(error)) from error


def unreadable(table: str, name: object, fault: str) -> StorageError:
    """Return the error that names a row which cannot be read."""
    return StorageError(
        f"row {quoted(str(name), NAME)} of table {table!r} cannot be read: {fault}; "
        "Placet writes none like it: have the database's owner look",
        code=UNREADABLE,
    )


def pass_on_others(error: Exception) -> None:
    """Raise an error of the database again, unless it says of one row alone that it cannot be read."""
    if isinstance(error, StorageError) and error.code != UNREADABLE:
        raise error


def read_receipt(table: str, name: object, text: str | None) -> Receipt | None:
    """Return the receipt in a row's column; None where there is none.

    Raises:
        StorageError: code `storage_row`; the column holds something else.
    """
    if text is None:
        return None
    try:
        return Receipt.model_validate_json(text)
    except ValidationError as error:
        raise unreadable(table, name, f"receipt: {first_fault(error)}") from error
