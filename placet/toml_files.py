"""TOML files that people write: read into a schema, with one clear line for whoever edits them."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from placet.contracts.base import first_fault
from placet.errors import ConfigurationError
from placet.files import read_given

M = TypeVar("M", bound=BaseModel)


def load_toml(path: Path, schema: type[M], what: str) -> M:
    """Read the file at `path` as `schema`; `what` it is stands in the error's line (`the models file`).

    Raises:
        ConfigurationError: It cannot be read, is too large, no ordinary file or not TOML, or does not satisfy `schema`.
    """
    return parse_toml(read_given(path, what), schema, f"{what} {str(path)!r}")


def parse_toml(text: str, schema: type[M], source: str) -> M:
    """Read a text as `schema`; `source` names it in errors.

    Raises:
        ConfigurationError: It is not TOML, or does not satisfy `schema`.
    """
    data = toml_data(text, source)
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(f"{source} is wrong: {first_fault(error)}") from error


def toml_data(text: str, source: str) -> dict[str, Any]:
    """Read a text as tables; `source` names it in errors.

    Raises:
        ConfigurationError: It is not TOML, nests too deep, or holds a number that is too large.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{source} is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{source} is not TOML: it nests too deep") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise ConfigurationError(f"{source} is not TOML: it holds a number that is too large") from error
