"""Where contact policies come from: the tenant's folder of policies, or the application's own default."""

import logging
from pathlib import Path

from placet.decisioning.contact import ContactPolicy
from placet.entrypoints.environment import CHECKOUT
from placet.errors import ConfigurationError, PolicyError
from placet.toml_files import load_toml

FILE = "contact.toml"

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]


def is_given(path: Path) -> bool:
    """Return whether a tenant has a file of its own: also one that cannot be looked at now."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # whoever reads it says why
    return True


def contact_path(folder: Path | None, tenant: str, agent: str) -> Path:
    """Find the contact policy for `tenant` and `agent`: beside the tenant's policies, else the agent's own.

    A link that leads nowhere is the tenant's own all the same: what cannot be read now may be stricter.
    """
    own = None if folder is None else folder / tenant / FILE
    return own if own is not None and is_given(own) else CHECKOUT / "agents" / agent / FILE


class ContactFiles:
    """Reads the contact policy in force at every question, so that a changed file bites at once.

    A file that was read before and is broken now leaves the last good policy in force; the log says so.

    Args:
        folder: The tenants' own policies, `<folder>/<tenant>/contact.toml`; None: the applications' defaults.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[_Stamp, ContactPolicy]] = {}

    def __call__(self, tenant: str, agent: str) -> ContactPolicy:
        """Return the contact policy for `tenant` and `agent`.

        Raises:
            PolicyError: there is none, or it is invalid; both mean that nothing may be given.
        """
        path = contact_path(self._folder, tenant, agent)
        known = self._known.get(path)
        try:
            stat = path.stat()
        except OSError as error:
            raise PolicyError(f"cannot read the contact policy {str(path)!r}: {error.strerror}") from error
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if known is None or known[0] != stamp:
            known = self._known[path] = (stamp, _read(path, known[1] if known else None))
        return known[1]


def _read(path: Path, last_good: ContactPolicy | None) -> ContactPolicy:
    try:
        return read_contact_policy(path)
    except PolicyError as error:
        if last_good is None:
            raise
        _log.error("%s; the last good one stays in force", error)
        return last_good


def read_contact_policy(path: Path) -> ContactPolicy:
    """Read one file.

    Raises:
        PolicyError: it is no contact policy, or cannot be read.
    """
    try:
        return load_toml(path, ContactPolicy, "the contact policy")
    except ConfigurationError as error:
        raise PolicyError(str(error)) from error
