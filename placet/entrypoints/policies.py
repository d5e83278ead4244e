"""Where policy sets come from: the tenant's folder, or each application's own default."""

from pathlib import Path

from placet.entrypoints.settings import CHECKOUT
from placet.errors import PolicyError
from placet.governance.policy.set import PolicySet, policy_document
from placet.governance.signing.canonical import sha256_hex
from placet.service.policy_files import read_policy_files

_KEPT = 8


def policy_path(folder: Path | None, tenant: str, agent: str) -> Path:
    """Where the policies in force for `tenant` and `agent` are: the tenant's folder, else the agent's own file."""
    return CHECKOUT / "agents" / agent / "policy.cedar" if folder is None else folder / tenant


class PolicyFiles:
    """Reads the policy set in force at every question, so that a changed file bites at once.

    Args:
        folder: The tenants' own policies, `<folder>/<tenant>/*.cedar`; None: the applications' defaults.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._parsed: dict[str, PolicySet] = {}

    def __call__(self, tenant: str, agent: str) -> PolicySet:
        """The policy set for `tenant` and `agent`.

        Raises:
            PolicyError: there is none, or it is invalid; both mean no.
        """
        try:
            files = read_policy_files(policy_path(self._folder, tenant, agent))
        except PolicyError as error:
            raise PolicyError(f"no policy set for tenant {tenant!r}, so that nothing is permitted: {error}") from error
        version = sha256_hex(policy_document(files))
        if version not in self._parsed:
            # Replaced, never changed: other threads may be looking at it.
            self._parsed = {version: PolicySet(files), **dict(list(self._parsed.items())[: _KEPT - 1])}
        return self._parsed[version]
