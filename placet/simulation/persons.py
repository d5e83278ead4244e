"""Who a simulated customer is: what the sample says of them, and what is drawn for them."""

import hashlib
import math
import random  # noqa: TID251 - seeded by digest, and only to simulate
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Story = Literal["steady", "silent", "disputer", "shopper", "family"]
"""What happens to them: nothing much; they use less and less; they object to bills; they look at competitors; they are
several in one household."""

_LEAVING: Final[tuple[tuple[Story, float], ...]] = (
    ("silent", 0.45), ("shopper", 0.25), ("disputer", 0.2), ("steady", 0.1)
)  # fmt: skip
_STAYING: Final[tuple[tuple[Story, float], ...]] = (
    ("steady", 0.7), ("family", 0.2), ("disputer", 0.06), ("shopper", 0.04)
)  # fmt: skip
_HOUSEHOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated customer.

    Attributes:
        leaves: The sample's label: they left. What is drawn for them depends on it.
        story: What happens to them.
        prepaid: They recharge, and get no bills.
        monthly_minor: The sample's monthly charge, in cents.
        gap_days: Days between two recharges as a rule.
        data_mb: MB of mobile data on an ordinary day; 0 without any.
        calls: Seconds of calls on an ordinary day.
        onset: Days before the end at which the story begins.
        household: Of a family: which.
        age: Drawn, in the last year: the sample says only whether they are of 65 years or more.
        area: Drawn too.
        tenure: The sample's months with the operator.
        lines: Of which they hold a product: what the sample says, and for some a wallet.
        agrees: Whether they agreed to marketing.
    """

    customer_id: str
    leaves: bool
    story: Story
    prepaid: bool
    monthly_minor: int
    gap_days: int
    data_mb: int
    calls: int
    onset: int
    household: str | None
    age: int
    area: str
    tenure: int
    lines: tuple[str, ...]
    agrees: bool


def draw_person(row: Mapping[str, str], seed: int) -> Person:
    """Draw a customer from a row of the sample; the same row and seed give the same one."""
    chance = chance_of(seed, row["customer_id"])
    leaves = row["churn"] == "Yes"
    story = _chosen(chance, _LEAVING if leaves else _STAYING)
    number = int(row["customer_id"].removeprefix("C"))
    return Person(
        customer_id=row["customer_id"],
        leaves=leaves,
        story=story,
        prepaid=row["contract"] == "Month-to-month" and chance.random() < 0.6,  # noqa: PLR2004
        monthly_minor=round(float(row["monthly_charges"]) * 100),
        gap_days=chance.choice((7, 10, 14, 14, 21, 30)),
        data_mb=0 if row["internet_service"] == "No" else round(chance.lognormvariate(math.log(350), 0.6)),
        calls=round(chance.lognormvariate(math.log(300), 0.8)),
        onset=chance.randint(25, 60),
        household=f"H{number // _HOUSEHOLD:05}" if story == "family" else None,
        # Of their own chance: what is drawn above stays what it was.
        age=_age(row, chance_of(seed, row["customer_id"], "age")),
        area=chance_of(seed, row["customer_id"], "area").choice(("urban", "urban", "suburban", "suburban", "rural")),
        tenure=int(row["tenure"]),
        lines=_lines(row, chance_of(seed, row["customer_id"], "lines")),
        agrees=chance_of(seed, row["customer_id"], "agrees").random() < 0.75,  # noqa: PLR2004
    )


def _age(row: Mapping[str, str], chance: random.Random) -> int:
    return chance.randint(66, 90) if row["senior_citizen"] == "1" else chance.randint(19, 63)


def _lines(row: Mapping[str, str], chance: random.Random) -> tuple[str, ...]:
    held = {
        "mobile": row["phone_service"] == "Yes",
        "internet": row["internet_service"] != "No",
        "tv": row["streaming_tv"] == "Yes",
        "wallet": chance.random() < 0.3,  # noqa: PLR2004
    }
    return tuple(line for line, holds in held.items() if holds)


def chance_of(seed: int, *names: object) -> random.Random:
    """Return a generator that depends on the seed and the names alone, not on what was drawn for others."""
    text = "/".join(map(str, (seed, *names)))
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16]))  # noqa: S311 - it simulates


def _chosen(chance: random.Random, weighted: tuple[tuple[Story, float], ...]) -> Story:
    stories, weights = zip(*weighted, strict=True)
    story: Story = chance.choices(stories, weights)[0]
    return story
