"""One mutation in the terms of the API that performs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

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
        is_marked: Whether a record carries the effect's key.
        is_same: Whether a marked record is the mutation that was approved.
        progress: How far a record got.
    """

    api: str
    collection: str
    creation: Callable[[], Record]
    scope: dict[str, str]
    is_marked: Callable[[Record], bool]
    is_same: Callable[[Record], bool]
    progress: Callable[[Record], Progress]
