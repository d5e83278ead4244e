"""What a tenant says of its economics: `economics.toml` in its folder of policies."""

from pathlib import Path

from placet.contracts.cohorts.economics import Economics
from placet.entrypoints.tenant_files.contact import is_given
from placet.errors import ConfigurationError
from placet.toml_files import load_toml

FILE = "economics.toml"


def economics_of(folder: Path | None, tenant: str) -> Economics | str | None:
    """Return what a tenant's file says, read anew at every question; None where there is no file.

    A file that is wrong is told in one line, which stands where the figure would: it keeps no other figure back.
    """
    if folder is None:
        return None
    path = folder / tenant / FILE
    if not is_given(path):
        return None
    try:
        return load_toml(path, Economics, "the economics")
    except ConfigurationError as error:
        return str(error)
