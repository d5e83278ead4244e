"""Reading attributes out of a request body, refusing what has the wrong shape."""

from decimal import Decimal
from typing import Any

from placet.sandbox.errors import bad_body
from placet.sandbox.money import JsonObject

_MAX_TEXT = 2000


def text(body: JsonObject, name: str) -> str | None:
    """Read an optional string attribute of at most 2000 characters."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise bad_body(f"{name} is not a text of at most {_MAX_TEXT} characters")
    return value


def required_text(body: JsonObject, name: str, owner: str = "") -> str:
    """Read a string attribute that must be there and not be empty; `owner` names the object it belongs to."""
    value = text(body, name)
    if not value:
        raise bad_body(f"{owner}{name} is missing")
    return value


def part(body: JsonObject, name: str) -> JsonObject:
    """Read an object attribute that must be there."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise bad_body(f"{name} is missing or not an object")
    return value


def parts(body: JsonObject, name: str) -> list[JsonObject]:
    """Read a list of objects that must be there and not be empty."""
    value = body.get(name)
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise bad_body(f"{name} is missing or not a list of objects")
    return value


def plain(value: Any) -> Any:
    """Return `value` with its `Decimal` numbers as floats again, to be kept and returned as JSON."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
