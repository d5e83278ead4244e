"""Reading an application's plain-data files, with one clear line for whoever edits them."""

import tomllib
from pathlib import Path
from string import Template
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from placet.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)


def load_toml(path: Path, schema: type[M]) -> M:
    """Load the TOML file at `path` as `schema`.

    Raises:
        ConfigurationError: It is missing, is not TOML, or does not satisfy `schema`.
    """
    try:
        return schema.model_validate(tomllib.loads(_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{str(path)!r} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigurationError(f"{str(path)!r} is wrong at {where}: {first['msg']}") from error


def load_prompt(path: Path) -> Template:
    """Load the prompt file at `path`; `$name` marks what is filled in.

    Raises:
        ConfigurationError: It is missing, or holds a stray `$`.
    """
    prompt = Template(_text(path).strip())
    if not prompt.is_valid():
        raise ConfigurationError(f"the prompt {str(path)!r} holds a stray '$'; write '$$' for a dollar sign")
    return prompt


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {str(path)!r}: {error}") from error
