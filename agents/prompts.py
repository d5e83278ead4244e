"""Prompts of an application: plain text files, checked when they are read."""

from pathlib import Path
from string import Template

from placet.errors import ConfigurationError


def load_prompt(path: Path) -> Template:
    """Read the prompt file at `path`; `$name` marks what is filled in.

    Raises:
        ConfigurationError: It is missing, or holds a stray `$`.
    """
    try:
        prompt = Template(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the prompt {str(path)!r}: {error}") from error
    if not prompt.is_valid():
        raise ConfigurationError(f"the prompt {str(path)!r} holds a stray '$'; write '$$' for a dollar sign")
    return prompt
