"""Values as people write them in a strategy, and as they are kept: shares, margins, hours.

People write `10 %`, `0.5 points`, `21:00 to 09:00`. What is kept, signed and hashed is whole numbers. A bare number is
kept form alone: who writes `holdout: 10` means ten per cent, and would get ten basis points.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, StrictInt, ValidationInfo, WithJsonSchema, model_validator

from placet.contracts.base import Frozen
from placet.contracts.money import Money, parse_money

WHOLE: Final = 10_000
"""All, in basis points."""
BY_HAND: Final = {"by_hand": True}
"""The validation context of a text that a person wrote."""

_SHARE = r"([0-9]{1,5})(?:\.([0-9]{1,2}))? ?%"
_POINTS = r"([0-9]{1,3})(?:\.([0-9]{1,2}))? points?"
_HOURS = r"([01][0-9]|2[0-3]):([0-5][0-9]) to ([01][0-9]|2[0-3]):([0-5][0-9])"
_MINUTES_OF_DAY = 24 * 60


def _from_text(read: Callable[[str], Any], example: str) -> BeforeValidator:
    """Read texts by `read`; refuse anything else from a person, for it has no unit."""

    def before(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return read(value)
        if info.context == BY_HAND:
            raise ValueError(f"write it with its unit, like {example!r}")
        return value

    return BeforeValidator(before)


def _hundredths(pattern: str, text: str, example: str) -> int:
    found = re.fullmatch(pattern, text.strip())
    if found is None:
        raise ValueError(f"write it like {example!r}, with at most two decimals")
    whole, fraction = found.groups()
    return int(Decimal(f"{whole}.{fraction or 0}") * 100)


def _weight(text: str) -> int:
    return _hundredths(_SHARE, text, "150 %")


def _share(text: str) -> int:
    share = _hundredths(_SHARE, text, "10 %")
    if share > WHOLE:
        raise ValueError("it is more than 100 %")
    return share


def share_in_words(share_bp: int) -> str:
    """Write a share as people do: `10 %`, `2.5 %`."""
    return f"{_decimal(share_bp)} %"


def _decimal(hundredths: int) -> str:
    return f"{Decimal(hundredths) / 100:.2f}".rstrip("0").rstrip(".")


_SHARE_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": f"^{_SHARE}$", "examples": ["10 %", "2.5 %"], "description": "a share in per cent"}
)

Share = Annotated[
    StrictInt,
    Field(ge=0, le=WHOLE, description="basis points"),
    _from_text(_share, "10 %"),
    _SHARE_SCHEMA,
]
"""From nothing to all, in basis points."""

Weight = Annotated[
    StrictInt,
    Field(ge=1, le=10 * WHOLE, description="basis points"),
    _from_text(_weight, "150 %"),
    _SHARE_SCHEMA,
]
"""What a value is multiplied with, in basis points: at most ten times."""


Amount = Annotated[
    Money,
    _from_text(parse_money, "20.00 USD"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9]{1,12}(\.[0-9]+)? [A-Z]{3}$",
            "examples": ["20.00 USD"],
            "description": "an amount with its currency (ISO 4217)",
        }
    ),
]
"""An amount. What it may not be, such as nothing, is asked where it is used."""


class Margin(Frozen):
    """How far a figure may move.

    Attributes:
        hundredths: Of a point or of a per cent.
        unit: `points` for figures that are shares themselves, `percent` of what the control group has for others.
    """

    hundredths: Annotated[StrictInt, Field(ge=1, le=WHOLE)]
    unit: Literal["points", "percent"]

    def __str__(self) -> str:
        """Write it as people do: `0.5 points`, `5 %`."""
        unit = "%" if self.unit == "percent" else "point" if self.hundredths == 100 else "points"  # noqa: PLR2004
        return f"{_decimal(self.hundredths)} {unit}"


def _margin(text: str) -> Margin:
    if text.strip().endswith("%"):
        hundredths, unit = _share(text), "percent"
    else:
        hundredths, unit = _hundredths(_POINTS, text, "0.5 points"), "points"
    if not 1 <= hundredths <= WHOLE:
        raise ValueError("it must be more than 0, and 100 or less")
    return Margin.model_validate({"hundredths": hundredths, "unit": unit})


WrittenMargin = Annotated[
    Margin,
    _from_text(_margin, "0.5 points"),
    WithJsonSchema(
        {"type": "string", "pattern": f"^({_SHARE}|{_POINTS})$", "examples": ["0.5 points", "5 %"]},
    ),
]


class QuietHours(Frozen):
    """Hours in which nothing is sent, of the market's time zone; past midnight where they end before they begin.

    Attributes:
        from_minute: Of the day, counted from midnight.
        to_minute: The first minute in which something may be sent again.
    """

    from_minute: Annotated[StrictInt, Field(ge=0, lt=_MINUTES_OF_DAY)]
    to_minute: Annotated[StrictInt, Field(ge=0, lt=_MINUTES_OF_DAY)]

    @model_validator(mode="after")
    def _some_of_the_day_is_left(self) -> Self:
        if self.from_minute == self.to_minute:
            raise ValueError("they end when they begin")
        return self

    def __str__(self) -> str:
        """Write them as people do: `21:00 to 09:00`."""
        return " to ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.from_minute, self.to_minute))


def _hours(text: str) -> QuietHours:
    found = re.fullmatch(_HOURS, text.strip())
    if found is None:
        raise ValueError("write them like '21:00 to 09:00'")
    numbers = [int(one) for one in found.groups()]
    begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if begin == end:
        raise ValueError("they end when they begin; leave them out where there are none")
    return QuietHours(from_minute=begin, to_minute=end)


WrittenHours = Annotated[
    QuietHours,
    _from_text(_hours, "21:00 to 09:00"),
    WithJsonSchema({"type": "string", "pattern": f"^{_HOURS}$", "examples": ["21:00 to 09:00"]}),
]
