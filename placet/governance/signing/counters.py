"""Signature counters of passkeys: a copied authenticator says a number that does not fit (docs/adr/0035).

An authenticator that counts says a higher number each time. Decisions reach different runs in any order, and one
signature over a batch counts in each of its runs. So the rule compares signatures by when they were signed, not by when
they came: of two statements that one key signed, the one signed later has the higher counter. The same statement may
come as often as it likes. An authenticator that does not count says 0, which is accepted as long as it never counted.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.signing import dsse

ROLLED_BACK: Final = "counter_rolled_back"
"""Code of the refusal of a signature whose counter does not fit those on the record."""


@dataclass(frozen=True, slots=True)
class CounterUse:
    """What one signature of a passkey says of its counter.

    Attributes:
        statement: SHA-256 of the statement that was signed, in hexadecimal.
    """

    key_id: str
    counter: int
    statement: str
    signed_at: datetime


def use_of(envelope: dsse.Envelope, key_id: str, signed_at: datetime) -> CounterUse:
    """Read the counter of an envelope that a passkey signed, as `dsse.verify` passed it.

    Args:
        envelope: Signed by that passkey.
        key_id: Under which the passkey is enrolled.
        signed_at: When it was signed, as the statement says.
    """
    counter = dsse.assertion_in(envelope).counter
    statement = hashlib.sha256(dsse.unverified_payload(envelope)).hexdigest()
    return CounterUse(key_id, counter, statement, signed_at)


def check_counter(use: CounterUse, recorded: Iterable[CounterUse]) -> None:
    """Check a counter against others of the same key; the neighbours among those on the record are enough.

    Raises:
        DecisionRefused: code `counter_rolled_back`; another statement has the same counter, or the order of the two
            counters is not that of the two signatures.
    """
    for other in recorded:
        if other.statement == use.statement:
            continue
        if use.counter > other.counter and use.signed_at > other.signed_at:
            continue
        if use.counter < other.counter and use.signed_at < other.signed_at:
            continue
        raise DecisionRefused(
            f"the counter of key {use.key_id[:16]} says {use.counter}, and said {other.counter} at "
            f"{moment(other.signed_at)}; sign again. It happens where two questions were open at once. If it is "
            "refused again, the passkey may have been copied",
            code=ROLLED_BACK,
        )
