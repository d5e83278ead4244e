"""The one customer that a key leads to. Nothing is guessed: where it is not exactly one, it is nobody.

Invariants:
 (1) only words that hold lead anywhere, and two customers who both hold a key make it nobody's;
 (2) no event from before the time since which the key is theirs counts for a customer;
 (3) nor does one from a time when another may still have had the key: whose it was then is not known;
 (4) the answer depends on the set of words, not on their order.
"""

from collections.abc import Iterable
from datetime import datetime

from placet.contracts.identity.keys import Identified, KeyWord, Unresolved
from placet.contracts.text import counted
from placet.contracts.times import moment


def resolve(key: str, words: Iterable[KeyWord], at: datetime) -> Identified:
    """Return whose `key` was at a time.

    Args:
        key: In its standard form.
        words: The newest word of each customer on it; words on other keys are ignored.
        at: When what is about the key happened.
    """
    known = tuple(sorted((word for word in words if word.key == key), key=lambda word: word.customer_id))
    customers = sorted({word.customer_id for word in known if word.held})
    if not customers:
        given_up = "; who had it gave it up" if known else ""
        return _nobody(key, known, "unknown_subject", f"nobody is known by {key!r}{given_up}")
    if len(customers) > 1:
        several = f"{counted(len(customers), 'customer')} are known by {key!r}; a source must say whose it is no longer"
        return _nobody(key, known, "ambiguous_subject", several)
    (customer_id,) = customers
    begun = next((word.since for word in known if word.held and word.since is not None), None)
    if begun is not None and at < begun:
        earlier = f"{key!r} is theirs since {moment(begun)}, and this happened at {moment(at)}"
        return _nobody(key, known, "unclear_subject", earlier)
    ended = max((word.at for word in known if not word.held), default=None)
    if ended is not None and at < ended:
        before = f"another customer had {key!r} until {moment(ended)}, and this happened at {moment(at)}"
        return _nobody(key, known, "unclear_subject", before)
    return Identified(key=key, customer_id=customer_id, code=None, reason="exactly one customer has it", words=known)


def _nobody(key: str, words: tuple[KeyWord, ...], code: Unresolved, reason: str) -> Identified:
    return Identified(key=key, customer_id=None, code=code, reason=reason, words=words)
