"""TM Forum's published Swagger files as JSON Schema validators.

Stricter than the specs in one way: an attribute that the standard does not define is an error, but for the `@` ones.
"""

import json
import os
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema  # type: ignore[import-untyped]

_FORMATS = jsonschema.FormatChecker(formats=())


def directory() -> Path:
    """Where the specs are: `PLACET_TMF_SPECS`, else `../shared/tmf` beside the checkout."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "tmf"
    return Path(os.environ.get("PLACET_TMF_SPECS", beside))


@cache
def definitions(api: str) -> dict[str, Any]:
    """The definitions of one API, e.g. `TMF654`, closed against unknown attributes."""
    (path,) = directory().glob(f"{api}-*.swagger.json")
    found: dict[str, Any] = json.loads(path.read_text())["definitions"]
    for definition in found.values():
        if "properties" in definition:
            definition["additionalProperties"] = False
            definition["patternProperties"] = {"^@": {}}
    return found


def base_path(api: str) -> str:
    """The base path the spec names for one API."""
    (path,) = directory().glob(f"{api}-*.swagger.json")
    return str(json.loads(path.read_text())["basePath"]).rstrip("/")


def check(api: str, definition: str, instance: object) -> None:
    """Assert that `instance` is a valid `definition` of `api`."""
    known = definitions(api)
    assert definition in known
    schema = {"$ref": f"#/definitions/{definition}", "definitions": known}
    errors = jsonschema.Draft4Validator(schema, format_checker=_FORMATS).iter_errors(instance)
    found = "; ".join(f"{error.json_path}: {error.message}" for error in errors)
    assert not found, f"{api} {definition}: {found}"


def _date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


_FORMATS.checks("date-time", raises=ValueError)(_date_time)
_FORMATS.checks("uri")(_uri)
