"""What a bucket means: inside a share or not, which arm; and all of it for one customer and for many."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.decisioning.assignment.drawing import BUCKETS, CODE, bucket, buckets, shown
from placet.errors import UsageError


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where one customer stands in one strategy.

    Attributes:
        holdout_bucket: 0 to 9,999, as the others; in the control group when less than its share.
        held_out: In the control group, and so treated at no stage.
        rollout_bucket: Reached by a stage when less than its share.
        arm_bucket: None where the strategy has no arms.
        arm: None in the control group, and where the strategy has no arms.
    """

    strategy: str
    customer_id: str
    holdout_bucket: int
    held_out: bool
    rollout_bucket: int
    arm_bucket: int | None
    arm: str | None

    def treated_at(self, stage_bp: int) -> bool:
        """Say whether a stage of this share reaches the customer.

        Raises:
            UsageError: it is no share.
        """
        return inside(self.rollout_bucket, stage_bp) and not self.held_out


def inside(drawn: int, share_bp: int) -> bool:
    """Say whether a bucket is inside a share.

    Raises:
        UsageError: it is no bucket, or no share.
    """
    check_share(share_bp)
    _check_bucket(drawn)
    return drawn < share_bp


def arm_of(drawn: int, weights: Mapping[str, int]) -> str:
    """Return the arm that a bucket has.

    Args:
        drawn: The bucket.
        weights: Of each arm, in basis points, in the order of the strategy's file.

    Raises:
        UsageError: it is no bucket, or the weights are none.
    """
    _check_bucket(drawn)
    check_weights(weights)
    return next(arm for arm, end in _ends(weights) if drawn < end)


def assign(strategy: str, customer_id: str, *, holdout_bp: int, weights: Mapping[str, int]) -> Assignment:
    """Return where a customer stands.

    Args:
        strategy: The strategy's name.
        customer_id: The customer.
        holdout_bp: The share of the control group, in basis points.
        weights: As `arm_of`; empty where the strategy has no arms.

    Raises:
        UsageError: one of them is none.
    """
    _check_plan(holdout_bp, weights)
    held = bucket("holdout", strategy, customer_id)
    held_out = inside(held, holdout_bp)
    for_arm = bucket("arm", strategy, customer_id) if weights else None
    return Assignment(
        strategy=strategy,
        customer_id=customer_id,
        holdout_bucket=held,
        held_out=held_out,
        rollout_bucket=bucket("rollout", strategy, customer_id),
        arm_bucket=for_arm,
        arm=None if for_arm is None or held_out else arm_of(for_arm, weights),
    )


def assign_all(strategy: str, customer_ids: pl.Series, *, holdout_bp: int, weights: Mapping[str, int]) -> pl.DataFrame:
    """Return where each customer stands, in their order, as `assign` does.

    Returns:
        A frame with the fields of `Assignment` as columns, except `strategy`.

    Raises:
        UsageError: as `assign`; one id that is none refuses all.
    """
    _check_plan(holdout_bp, weights)
    held = buckets("holdout", strategy, customer_ids)
    arm = pl.lit(None, dtype=pl.String)
    for name, end in reversed(list(_ends(weights))):
        arm = pl.when(pl.col("arm_bucket") < end).then(pl.lit(name)).otherwise(arm)
    found = pl.DataFrame(
        {
            "customer_id": customer_ids,
            "holdout_bucket": held,
            "held_out": held < holdout_bp,
            "rollout_bucket": buckets("rollout", strategy, customer_ids),
        }
    )
    for_arm = buckets("arm", strategy, customer_ids) if weights else pl.lit(None, dtype=pl.UInt16)
    return found.with_columns(arm_bucket=for_arm).with_columns(arm=pl.when(~pl.col("held_out")).then(arm))


def check_share(share_bp: Any) -> None:
    """Refuse what is no share in basis points.

    Raises:
        UsageError: it is none.
    """
    if not _whole(share_bp) or not 0 <= share_bp <= WHOLE:
        said = f"share {shown(share_bp)}: write whole basis points, 0 to 10,000, such as 2,500 for 25 %"
        raise UsageError(said, code=CODE)


def check_weights(weights: Mapping[str, int]) -> None:
    """Refuse weights of arms that do not divide all customers.

    Raises:
        UsageError: one has nobody, or they do not add up to 100 %.
    """
    for arm, weight in weights.items():
        if not _whole(weight) or not 0 < weight <= WHOLE:
            said = f"arm {shown(arm)} has weight {shown(weight)}: write whole basis points, 1 to 10,000"
            raise UsageError(said, code=CODE)
    if sum(weights.values()) != WHOLE:
        total = share_in_words(sum(weights.values()))
        raise UsageError(f"the arms have {total} together; they must have 100 %", code=CODE)


def _check_plan(holdout_bp: int, weights: Mapping[str, int]) -> None:
    check_share(holdout_bp)
    if weights:
        check_weights(weights)


def _check_bucket(drawn: Any) -> None:
    if not _whole(drawn) or not 0 <= drawn < BUCKETS:
        raise UsageError(f"bucket {shown(drawn)}: it is a whole number, 0 to 9,999", code=CODE)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _ends(weights: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Yield each arm with the first bucket after its range."""
    end = 0
    for arm, weight in weights.items():
        end += weight
        yield arm, end
