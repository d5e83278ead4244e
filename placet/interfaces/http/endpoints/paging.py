"""How every list is asked for and answered, page by page.

A list takes `limit` and `after`, and its answer has `next`: what to pass as `after` to go on, None at the end. A page
goes on after the thing that ended the one before, so that what is added meanwhile moves nothing.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import StringConstraints

T = TypeVar("T")
C = TypeVar("C")

MOST: Final = 1000
DEFAULT: Final = 50
ENTRIES: Final = 100
"""As `DEFAULT`, of entries of the record."""

_NEXT: Final = "`next` of the page before; left out, the list begins"

Limit = Annotated[int, Query(ge=1, le=MOST, description="most that are listed at once")]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
After = Annotated[Cursor | None, Query(description=_NEXT)]
AfterNumber = Annotated[int, Query(ge=0, lt=2**63, description=_NEXT)]


def split(found: Sequence[T], limit: int, cursor: Callable[[T], C]) -> tuple[tuple[T, ...], C | None]:
    """Return the page and its `next`, given one more than the page has, where there is one more."""
    shown = tuple(found[:limit])
    return shown, cursor(shown[-1]) if len(found) > limit else None
