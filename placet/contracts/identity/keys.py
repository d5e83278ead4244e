"""Keys by which systems know a customer: telephone numbers, hashed e-mail addresses, devices.

A key is never guessed from another: a source declares whose it is, and until when.
"""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, StrictBool, StringConstraints

from placet.contracts.base import CustomerId, Frozen

KEY: Final = r"^(msisdn:\+[1-9][0-9]{6,14}|email:[0-9a-f]{64}|device:[A-Za-z0-9][A-Za-z0-9_.:-]{0,63})$"
"""A telephone number in E.164; the SHA-256 of an e-mail address, trimmed and in lower case; a device by its id."""

Key = Annotated[str, StringConstraints(pattern=KEY)]
KeyKind = Literal["msisdn", "email", "device"]

Unresolved = Literal["unknown_subject", "ambiguous_subject", "unclear_subject"]
"""Why a key leads to nobody: no customer has it; several have it; whose it was at that time is not clear."""


class KeyWord(Frozen):
    """The newest word on one key of one customer.

    Attributes:
        held: Whether it is theirs; False where a source said that it is theirs no longer.
        at: When the word was said, by the clock of its source.
        since: Since when it is theirs, where the source says so.
        said_by: Whether a source declared it (`link`), or the device was seen on the customer's mobile line.
    """

    key: Key
    customer_id: CustomerId
    held: StrictBool
    at: AwareDatetime
    since: AwareDatetime | None
    source: str
    said_by: Literal["link", "device"]


class Identified(Frozen):
    """What a key leads to at a time: exactly one customer, or nobody and the reason.

    Attributes:
        reason: In one line, for people.
        words: What is known of the key, the newest word of each customer.
    """

    key: Key
    customer_id: CustomerId | None
    code: Unresolved | None
    reason: str
    words: tuple[KeyWord, ...]
