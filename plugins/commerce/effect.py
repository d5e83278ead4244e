"""One mutation in the terms of the API that performs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from plugins.commerce.marks import Mark

Record = dict[str, Any]

Progress = Literal["done", "failed", "pending"]
"""`failed`: the effect certainly did not and will not happen. `pending`: this cannot be said yet."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How to cause an effect, and how to know it again.

    Attributes:
        collection: Where the mutation is POSTed and its records are read.
        creation: The body to POST; raises for a mutation that cannot be expressed there.
        scope: The filter that finds every record the effect could be among.
        mark: Whose key a record shows.
        is_same: Whether a record is the mutation that was approved; raises where it does not say.
        confirms: Whether the answer to the mutation itself is about it, in all that it says.
        words: A record in one line, for a person who must look.
        moment: When a record says that it was made.
        progress: How far a record got.
    """

    api: str
    collection: str
    creation: Callable[[], Record]
    scope: dict[str, str]
    mark: Callable[[Record], Mark]
    is_same: Callable[[Record], bool]
    confirms: Callable[[Record], bool]
    words: Callable[[Record], str]
    moment: Callable[[Record], object]
    progress: Callable[[Record], Progress]
