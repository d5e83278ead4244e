"""What became of one customer in the days after they entered a rollout, and in as many days before."""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.money import LARGEST_MINOR

Days = Literal[7, 30, 90, 365]
"""Days after somebody entered at which outcomes are measured."""
HORIZONS: Final[tuple[Days, ...]] = get_args(Days)

NotKnown = Literal["altered", "erased", "gone", "removed", "unreadable"]
"""`altered`: their row is not what was written when they were taken down. `erased`: on request. `gone`: nothing is kept
of them, since their newest event is older than events are kept. `removed`: retention took events of the window away.
`unreadable`: a row is none that Placet writes."""

Micros = Annotated[StrictInt, Field(ge=-LARGEST_MINOR * 64, le=LARGEST_MINOR * 64)]
"""Microseconds since 1970."""
Minor = Annotated[StrictInt, Field(ge=0, le=LARGEST_MINOR)]
Marks = Annotated[StrictInt, Field(ge=0, le=255)]
"""What is true of a customer in a window, a bit for each; `placet.decisioning.windows.counting` says which."""


class InWindow(Frozen):
    """What was counted of one customer in one window.

    Attributes:
        spend: Billed and recharged, in minor units of the strategy's currency.
    """

    spend: Minor
    marks: Marks


class MemberOutcome(Frozen):
    """One customer at one horizon: counted once, and sealed.

    Attributes:
        batch: With which others they were counted; the record names its digest.
        entered_us: When the window began.
        counted_us: Events that arrived until then were counted.
        unknown: Why nothing is known; then nothing is said.
        after: In the window.
        before: In as many days before it; None where events of it were removed.
        given: What the strategy gave them in the window, in minor units; None where a proposal was erased.
        segments: Named segments they were in when they were taken down; None where nobody noted it.
        nonce: Keeps what was counted from being guessed from the seal; None once the customer is erased.
        seal: SHA-256 of all of it.
    """

    customer_id: str
    days: Days
    batch: Annotated[StrictInt, Field(ge=1)]
    entered_us: Micros
    counted_us: Micros
    unknown: NotKnown | None = None
    after: InWindow | None = None
    before: InWindow | None = None
    given: Minor | None = None
    segments: tuple[str, ...] | None = None
    nonce: str | None = None
    seal: str = ""
