"""Seals of what was counted: whoever alters a row breaks its seal, and whoever replaces rows breaks their batch's."""

import hashlib
import json
from collections.abc import Iterable

from placet.contracts.outcomes.windows import MemberOutcome


def seal_of(version: str, one: MemberOutcome) -> str:
    """Return the seal of an outcome, made of all that it says, its strategy's version and its nonce."""
    said = one.model_dump(mode="json", exclude={"seal"})
    return _sha256({"version": version, **said})


def member_seal(version: str, customer_id: str, enrolled_us: int, segments: Iterable[str], nonce: str) -> str:
    """Return the seal of a member of a rollout, as they were taken down."""
    said = {"version": version, "customer_id": customer_id, "enrolled_us": enrolled_us, "nonce": nonce}
    return _sha256({**said, "segments": list(segments)})


def digest_of(seals: Iterable[tuple[str, str]]) -> str:
    """Return the digest of several customers' seals, each with its id: their order does not matter."""
    found = hashlib.sha256()
    for customer_id, seal in sorted(seals):
        found.update(f"{customer_id} {seal}\n".encode())
    return found.hexdigest()


def _sha256(said: object) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
