"""Where policy sets come from: the tenant's folder, or each application's own default."""

from pathlib import Path

from placet.entrypoints.settings import CHECKOUT
from placet.errors import PolicyError
from placet.governance.canonical import sha256_hex
from placet.governance.policy import PolicySet


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
        if self._folder is None:
            files = [CHECKOUT / "agents" / agent / "policy.cedar"]
        else:
            files = sorted((self._folder / tenant).glob("*.cedar"))
        try:
            text = "\n".join(file.read_text() for file in files)
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"cannot read the policy set of tenant {tenant!r}: {error}") from error
        if not files:
            raise PolicyError(f"no policy set for tenant {tenant!r} in {str(self._folder)!r}; nothing is permitted")
        version = sha256_hex(text.encode())
        if version not in self._parsed:
            self._parsed = {version: PolicySet(text), **dict(list(self._parsed.items())[:8])}
        return self._parsed[version]
