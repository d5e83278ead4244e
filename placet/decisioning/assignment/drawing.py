"""Buckets of customers: of one by `bucket`, which is the definition, and of many by `buckets`, which agrees with it."""

import hashlib
from typing import Any, Final, Literal, get_args

import polars as pl
import polars_hash
from pydantic import TypeAdapter, ValidationError

from placet.contracts.base import CUSTOMER_FORM, CustomerId, fault_of
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import WHOLE
from placet.contracts.text import NAME, shortened
from placet.errors import UsageError

FORM: Final = "placet-assignment/1"
BUCKETS: Final = WHOLE
"""One for each basis point."""
DIGITS: Final = 15
"""Hexadecimal digits that are read of a digest: 60 bits, the most that a signed number of 64 holds."""
CODE: Final = "assignment"
"""Of what is refused."""

Purpose = Literal["holdout", "rollout", "arm", "explore", "explored"]
"""What is drawn. Each is drawn apart, so that the control group of a strategy says nothing of its stages or arms.

`explore`: who is in the share that a strategy explores with; `explored`: which treatment they then get."""
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)

_CUSTOMER: Final[TypeAdapter[str]] = TypeAdapter(CustomerId)
_STRATEGY: Final[TypeAdapter[str]] = TypeAdapter(StrategyName)


def bucket(purpose: Purpose, strategy: str, customer_id: str) -> int:
    """Return the customer's bucket, 0 to 9,999.

    Args:
        purpose: What is drawn.
        strategy: The strategy's name.
        customer_id: The customer.

    Raises:
        UsageError: one of them is none.
    """
    drawn = salt(purpose, strategy)
    _check_one(customer_id)
    digest = hashlib.sha256(drawn.encode() + customer_id.encode()).hexdigest()
    return int(digest[:DIGITS], 16) % BUCKETS


def buckets(purpose: Purpose, strategy: str, customer_ids: pl.Series) -> pl.Series:
    """Return the bucket of each customer, in their order, as `bucket` does.

    Raises:
        UsageError: as `bucket`; one id that is none refuses all.
    """
    drawn = salt(purpose, strategy)
    _check_all(customer_ids)
    digest = polars_hash.concat_str(pl.lit(drawn), pl.col("id")).chash.sha2_256()
    number = digest.str.head(DIGITS).str.to_integer(base=16, dtype=pl.Int64)
    asked = pl.LazyFrame({"id": customer_ids}).select((number % BUCKETS).cast(pl.UInt16).alias("bucket"))
    # The other engine has one thread for one expression.
    return asked.collect(engine="streaming").to_series()


def salt(purpose: Purpose, strategy: str) -> str:
    """Return what is hashed before a customer's id.

    Raises:
        UsageError: the purpose or the strategy's name is none.
    """
    if purpose not in PURPOSES:
        raise UsageError(f"{shown(purpose)} is no purpose of a draw; known: {', '.join(PURPOSES)}", code=CODE)
    try:
        _STRATEGY.validate_python(strategy, strict=True)
    except ValidationError:
        said = (
            "is no name of a strategy, such as 'winback': a small letter, then small letters, digits and '_', up to 48"
        )
        raise UsageError(f"{shown(strategy)} {said}", code=CODE) from None
    return f"{FORM}\n{purpose}\n{strategy}\n"


def _check_one(customer_id: Any) -> None:
    try:
        _CUSTOMER.validate_python(customer_id, strict=True)
    except ValidationError as error:
        raise UsageError(f"customer {fault_of(error).told()}; nobody was assigned", code=CODE) from None


def _check_all(customer_ids: pl.Series) -> None:
    if customer_ids.dtype != pl.String:
        raise UsageError(f"customer ids are {customer_ids.dtype}; they must be String; nobody was assigned", code=CODE)
    sound = customer_ids.str.contains(CUSTOMER_FORM).fill_null(value=False)
    if sound.all():
        return
    row = (~sound).arg_max() or 0
    refused, first = customer_ids.len() - int(sound.sum()), customer_ids[row]
    told = "no id" if first is None else f"{shown(first)}, not a customer id: letters, digits and '_.:-', up to 64"
    raise UsageError(
        f"row {row + 1} of {customer_ids.len():,} has {told}; rows like it: {refused:,}; nobody was assigned",
        code=CODE,
    )


def shown(value: object) -> str:
    """Return a value as a person sees it in a refusal."""
    return shortened(repr(value), NAME)
