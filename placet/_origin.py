"""Refuse to run when one of the generic top-level names resolves outside this checkout (docs/adr/0001)."""

import importlib.util
from pathlib import Path

from placet.errors import ConfigurationError

NAMES = ("workflows", "activities", "agents", "plugins")


def check_origin(root: Path | None = None) -> None:
    """Check where the four names would be imported from, without importing them.

    Raises:
        ConfigurationError: a name is missing, or another distribution's package would be imported instead of ours.
    """
    expected = root or Path(__file__).resolve().parent.parent
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != expected / name:
            raise ConfigurationError(
                f"package {name!r} resolves to {str(found) if found else 'nothing'!r}, not to "
                f"{str(expected / name)!r}; uninstall the package that shadows it or put the checkout first on "
                f"PYTHONPATH"
            )
