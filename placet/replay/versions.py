"""Whether each version of the proposal is what it says, and an amended one what somebody signed."""

from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused
from placet.governance.amendments import amended
from placet.governance.signing.canonical import digest
from placet.replay.case import Case, Faults, Version
from placet.replay.signatures import Signed, read_single


def check_versions(case: Case) -> Faults:
    """Check that digests derive again, and that every version but the agent's own was signed, step by step.

    The agent's own version amends nothing.
    """
    amendments = _Amendments(case)
    for version in case.versions.values():
        if version.said != version.digest:
            yield f"the proposal hashes to {version.digest}, the history says {version.said}"
        if version.before is not None:
            yield from _changed(version, version.before, amendments)
        elif version.proposal.amends is not None or version.proposal.amended_by is not None:
            yield f"proposal {version.digest} is the agent's own and says that {version.proposal.amended_by!r} made it"


def _changed(version: Version, before: Version, amendments: "_Amendments") -> Faults:
    name = f"proposal {version.digest}"
    if amendments.result(version.digest, before) is None:
        by = version.proposal.amended_by
        yield f"{name} was never made of the one before it by an amendment that {by!r} signed and sent"
    gate, earlier = version.gate, before.gate
    if gate.verdict != "human" or gate.opened_at != earlier.opened_at or gate.expires_at > earlier.expires_at:
        yield f"the gate of the amended {name} is another one than the first, or open for longer"


class _Amendments:
    """The signed amendments that were reviewed, by what they make; several may follow each other in one review."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._making: dict[str, list[Signed]] = {}
        for received in case.received.values():
            signed = self._read(received.envelope)
            if signed is not None:
                self._making.setdefault(signed.proposal, []).append(signed)

    def result(self, wanted: str, before: Version) -> Proposal | None:
        """Return the proposal of digest `wanted` that the amendments make of `before`; None if they make none."""
        return self._derived(wanted, before, frozenset())

    def _read(self, text: str) -> Signed | None:
        """Read an amendment of this run that a trusted key signed; return None for anything else."""
        request = self._case.request
        try:
            signed = read_single(text)
            self._case.trusted.check(signed.envelope, signed.approver)
        except (DecisionRefused, ValueError, RecursionError):
            return None
        ours = (signed.tenant, signed.run_id) == (request.tenant, request.run_id)
        return signed if ours and signed.amendment is not None else None

    def _derived(self, wanted: str, before: Version, seen: frozenset[str]) -> Proposal | None:
        if wanted == before.digest:
            return before.proposal
        if wanted in seen:  # strangers may sign a circle
            return None
        for signed in self._making.get(wanted, ()):
            made = self._applied(signed, before, seen | {wanted})
            if made is not None and digest(made) == wanted:
                return made
        return None

    def _applied(self, signed: Signed, before: Version, seen: frozenset[str]) -> Proposal | None:
        if signed.amendment is None:
            return None
        base = self._derived(signed.amendment.amends, before, seen)
        try:
            return None if base is None else amended(base, signed.amendment, signed.approver, signed.reason)
        except DecisionRefused:
            return None
