"""The version of Placet that runs, for the record."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return the installed version; `unknown` where the package is not installed."""
    try:
        return metadata.version("placet")
    except metadata.PackageNotFoundError:
        return "unknown"
