"""JSON schemas for people: what a class's docstring says of a field stands beside that field."""

import re
from typing import Any, Final

_FIELDS: Final = re.compile(r"\n*^Attributes:\n", re.MULTILINE)
_FIELD: Final = re.compile(r"^    (\w+): (.+(?:\n(?:        .*)?)*)", re.MULTILINE)


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, and those that it defines, with the docstring's `Attributes:` as descriptions of fields."""
    parts = {name: _described(one) for name, one in schema.get("$defs", {}).items()}
    return _described(schema) | ({"$defs": parts} if parts else {})


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    about, fields = _cut(schema.get("description", ""))
    properties = dict(schema.get("properties", {}))
    for name, words in _FIELD.findall(fields):
        if name in properties:
            properties[name] = {**properties[name], "description": " ".join(words.split())}
    changed = {"description": about, "properties": properties}
    return schema | {key: value for key, value in changed.items() if key in schema}


def _cut(description: str) -> tuple[str, str]:
    found = _FIELDS.search(description)
    return (description[: found.start()], description[found.end() :]) if found else (description, "")
