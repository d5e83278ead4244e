"""Published test vectors: whoever draws outside Placet checks with them that they draw the same."""

from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt, StringConstraints

from placet.contracts.base import CustomerId, Frozen
from placet.contracts.strategies.strategy import StrategyName
from placet.decisioning.assignment.drawing import BUCKETS, Purpose

SHOWN: Final = (("winback", "save_the_home", "x"), ("C00042", "A.b_c:d-e"))
"""Strategies and customers in the table of docs/assignment.md."""


class Vector(Frozen):
    """One draw.

    Attributes:
        digits: The first 15 hexadecimal digits of the digest.
    """

    purpose: Purpose
    strategy: StrategyName
    customer_id: CustomerId
    digits: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{15}$")]
    bucket: Annotated[StrictInt, Field(ge=0, lt=BUCKETS)]


class Vectors(Frozen):
    """The file.

    Attributes:
        refused: Texts that are no customer id.
    """

    form: Literal["placet-assignment/1"]
    vectors: tuple[Vector, ...]
    refused: tuple[str, ...]


@cache
def vectors() -> Vectors:
    """Read the vectors that are part of the package."""
    file = resources.files(__package__).joinpath("vectors.json")
    return Vectors.model_validate_json(file.read_text(encoding="utf-8"))


def docs_table() -> str:
    """Return the table of vectors in docs/assignment.md."""
    lines = ["| purpose | strategy | customer | first 15 digits | bucket |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.purpose} | `{one.strategy}` | `{one.customer_id}` | `{one.digits}` | {one.bucket} |"
        for one in vectors().vectors
        if one.strategy in SHOWN[0] and one.customer_id in SHOWN[1]
    ]
    return "\n".join(lines)
