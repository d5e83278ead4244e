"""Where policy sets come from: the tenant's folder, or each application's own default."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from placet.contracts.text import shortened
from placet.entrypoints.environment import CHECKOUT
from placet.errors import PolicyError
from placet.governance.policy.set import PolicySet, policy_document
from placet.governance.signing.canonical import sha256_hex
from placet.service.policy_files import MISSING, read_policy_files

_KEPT = 8
_LONGEST_FAULT = 200


def policy_path(folder: Path | None, tenant: str, agent: str) -> Path:
    """Find the policies in force for `tenant` and `agent`: the tenant's folder, else the agent's own file."""
    return CHECKOUT / "agents" / agent / "policy.cedar" if folder is None else folder / tenant


@dataclass(slots=True)
class _LastGood:
    """The last set that was valid in place, as this process read it.

    Attributes:
        on_record: Whether the record says that it was in force; without that it is not kept.
        broken_since: Monotonic time at which the files in place were first found faulty; None while they are sound.
    """

    policies: PolicySet
    on_record: bool = False
    broken_since: float | None = None


class PolicyFiles:
    """Reads the policy set in force at every question, so that a changed file bites at once.

    While the files in place are faulty the last good set stays in force (docs/adr/0017), under these conditions:
     (1) this process read it from the files itself: a worker that starts with faulty files denies;
     (2) the record says that it was in force: `PolicyWatch` puts it there and reports it with `confirm`;
     (3) the files are faulty, not absent: no policy file, or one that may not be read, means no;
     (4) not for longer than `keep_seconds`.

    Args:
        folder: The tenants' own policies, `<folder>/<tenant>/*.cedar`; None: the applications' defaults.
        keep_seconds: How long a faulty set is bridged; 0: not at all.
        clock: Monotonic time in seconds.
    """

    def __init__(
        self, folder: Path | None, *, keep_seconds: float = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._parsed: dict[str, PolicySet] = {}
        self._last_good: dict[tuple[str, str], _LastGood] = {}
        self._changing = threading.Lock()

    def __call__(self, tenant: str, agent: str) -> PolicySet:
        """Return the policy set for `tenant` and `agent`.

        Raises:
            PolicyError: there is none, or it is invalid and no earlier one may be kept; all mean no.
        """
        try:
            policies = self.read(tenant, agent)
        except PolicyError as error:
            return self._kept(tenant, agent, error)
        with self._changing:
            known = self._last_good.get((tenant, agent))
            if known is None or known.policies.digest != policies.digest:
                self._last_good[tenant, agent] = _LastGood(policies)
            else:
                known.broken_since = None
        return policies

    def read(self, tenant: str, agent: str) -> PolicySet:
        """Read the policy set whose files are in place, without regard to what was there before.

        Raises:
            PolicyError: there is none, or it is invalid.
        """
        try:
            files = read_policy_files(policy_path(self._folder, tenant, agent))
        except PolicyError as error:
            said = f"no policy set for tenant {tenant!r}, so that nothing is permitted: {error}"
            raise PolicyError(said, code=error.code) from error
        version = sha256_hex(policy_document(files))
        if version not in self._parsed:
            # Replaced, never changed: other threads may be looking at it.
            self._parsed = {version: PolicySet(files), **dict(list(self._parsed.items())[: _KEPT - 1])}
        return self._parsed[version]

    def confirm(self, tenant: str, agent: str, policies: PolicySet) -> None:
        """Take note that the record says that `policies` came into force, so that they may be kept."""
        with self._changing:
            known = self._last_good.get((tenant, agent))
            if known is not None and known.policies.digest == policies.digest:
                known.on_record = True

    def is_confirmed(self, tenant: str, agent: str) -> bool:
        """Return whether the last good set is on the record."""
        known = self._last_good.get((tenant, agent))
        return known is not None and known.on_record

    def _kept(self, tenant: str, agent: str, fault: PolicyError) -> PolicySet:
        with self._changing:
            known = self._last_good.get((tenant, agent))
            if fault.code == MISSING:
                # Taken away on purpose: what was there before must not come back with the next mistake.
                self._last_good.pop((tenant, agent), None)
                raise fault
            if known is None or not known.on_record:
                raise fault
            now = self._clock()
            if known.broken_since is None:
                known.broken_since = now
            if now - known.broken_since >= self._keep_seconds:
                hours = self._keep_seconds / 3600
                raise PolicyError(f"{fault}; the last good set was kept for {hours:g} h and lapsed") from fault
            said = shortened(" ".join(str(fault).split()), _LONGEST_FAULT)
            return known.policies.kept(f"the files in place are faulty: {said}")
