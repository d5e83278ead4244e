"""Who takes part in a rollout, as one digest: anybody can compute it again of the members' rows.

A member is four lines in UTF-8 with a line feed between each: `placet-member/1`, the customer's id, `control` or
`treated`, and the bucket of the rollout (0 to 9,999). The SHA-256 of each, as 32 bytes, are sorted and put together;
the digest is the SHA-256 of that. Of nobody it is the SHA-256 of nothing.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

_FORM: Final = "placet-member/1"


class Membership:
    """Members that are added in any order; 32 bytes of memory each."""

    __slots__ = ("_each", "control")

    def __init__(self) -> None:
        self._each: list[bytes] = []
        self.control = 0

    def add(self, customer_id: str, bucket: int, *, control: bool) -> None:
        """Add one member."""
        line = f"{_FORM}\n{customer_id}\n{'control' if control else 'treated'}\n{bucket}"
        self._each.append(hashlib.sha256(line.encode()).digest())
        self.control += control

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._each)

    @property
    def digest(self) -> str:
        """The digest of all of them."""
        whole = hashlib.sha256()
        for one in sorted(self._each):
            whole.update(one)
        return whole.hexdigest()


def uncovered(recorded: Mapping[int, Mapping[str, Any]], taken: Mapping[int, Membership]) -> str | None:
    """Say which drawing's members are not those on the record; None where all are.

    Args:
        recorded: The bodies of the entries that say who was drawn, by number.
        taken: The members that there are now, by the drawing that their rows name; 0: those of none.
    """
    for number in sorted(recorded.keys() | taken.keys()):
        body, members = recorded.get(number), taken.get(number, Membership())
        if body is None:
            return f"no entry covers {len(members):,} of its members"
        if (body.get("members"), body.get("digest")) != (len(members), members.digest):
            there = f"{len(members):,} are there, not all of them the same"
            return f"drawing {number} took {body.get('members')} members down, and {there}"
    return None
