"""What an auditor trusts, and did not get from the installation that is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from placet.contracts.people.passkey import Passkey
from placet.errors import DecisionRefused
from placet.governance.signing import dsse


@dataclass(frozen=True, slots=True)
class Trusted:
    """Keys and documents that an auditor brings.

    Attributes:
        keys: Public keys by key id; none: no signature is verified.
        passkeys: Which of them are passkeys, and where those may be used.
        holders: Whose keys they are, by key id, where the auditor says so.
        mandates: Signed documents by the SHA-256 of their text.
    """

    keys: Mapping[str, bytes]
    holders: Mapping[str, str] = field(default_factory=dict)
    mandates: Mapping[str, str] = field(default_factory=dict)
    passkeys: Mapping[str, Passkey] = field(default_factory=dict)

    def check(self, envelope: dsse.Envelope, name: str) -> None:
        """Check that `envelope` is signed by one of the keys, and by nobody else's than that of `name`.

        Raises:
            DecisionRefused: it is not. Without any keys nothing is checked.
        """
        if not self.keys:
            return
        key_id = envelope.signatures[0].keyid
        key = self.keys.get(key_id)
        if key is None:
            raise DecisionRefused(f"key {key_id[:16]} is none of them", code="unknown_key")
        dsse.verify(envelope, key, self.passkeys.get(key_id))
        holder = self.holders.get(key_id)
        if holder not in (None, name):
            raise DecisionRefused(f"signed with the key of {holder!r} in the name of {name!r}", code="wrong_person")
