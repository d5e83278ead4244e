"""Stages that policy began, verified as an auditor does: by the record and the key of its log."""

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import AwareDatetime, ValidationError

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.base import Digest, Frozen
from placet.contracts.strategies.strategy import Strategy
from placet.errors import GovernanceError, UsageError
from placet.gate.strategies.promoted import BY_POLICY, Stage, check_made
from placet.gate.strategies.rollout import MOVED, STARTED
from placet.storage.transaction import Transaction

UNPROVEN: Final = "promotion_unproven"
_PAGE: Final = 500


class PromotedStage(Frozen):
    """A stage that policy began, as the record proves.

    Attributes:
        signer: Who signed the policy set.
    """

    strategy: str
    version: Digest
    to: int
    policies: tuple[str, ...]
    policy_set: Digest
    signer: str
    look: int
    at: AwareDatetime


def verify_promotions(tx: Transaction, tenant: str, keys: Sequence[bytes]) -> tuple[PromotedStage, ...]:
    """Verify every stage of a tenant that policy began: it rests on what the record and the key of its log prove.

    Whether its signer may still publish the strategy is no question of the record: `placet rollout show` asks it.

    Args:
        tx: A snapshot.
        tenant: Whose.
        keys: The log keys that one trusts.

    Raises:
        GovernanceError: code `promotion_unproven`, naming the first that does not.
    """
    moves = list(_moves(tx, tenant))
    return tuple(_proven(tx, tenant, entry, moves, keys) for entry in moves if entry.body.get("by") == BY_POLICY)


def _moves(tx: Transaction, tenant: str) -> Iterator[AuditEvent]:
    after = 0
    while page := tx.audit.of_kind(tenant_stream(tenant), MOVED, after=after, limit=_PAGE):
        yield from page
        after = page[-1].seq


def _proven(
    tx: Transaction, tenant: str, entry: AuditEvent, moves: Sequence[AuditEvent], keys: Sequence[bytes]
) -> PromotedStage:
    version = str(entry.body.get("version"))
    try:
        promotion = check_made(tx, entry, _stage_before(tx, tenant, entry, moves), keys)
    except (GovernanceError, UsageError, ValidationError, ValueError) as error:
        said = str(error) if isinstance(error, GovernanceError | UsageError) else "its entry cannot be read"
        raise GovernanceError(
            f"stage {entry.body.get('stage')} of version {version[:16]!r} was not begun by policy as its entry "
            f"{entry.seq} says: {said}",
            code=UNPROVEN,
        ) from error
    return PromotedStage(
        strategy=promotion.strategy,
        version=promotion.version,
        to=promotion.to,
        policies=promotion.policies,
        policy_set=promotion.policy_set,
        signer=promotion.signer,
        look=promotion.look_number,
        at=promotion.at,
    )


def _stage_before(tx: Transaction, tenant: str, entry: AuditEvent, moves: Sequence[AuditEvent]) -> Stage:
    """Return the stage before a move, and the entry by which it had begun."""
    version, number = str(entry.body["version"]), int(entry.body["stage"]) - 1
    started = tx.audit.find(tenant_stream(tenant), f"{STARTED}.{version}")
    strategy = Strategy.model_validate_json(tx.artifacts.get(version, tenant=tenant))
    earlier = [
        one
        for one in moves
        if one.seq < entry.seq and one.body.get("version") == version and one.body.get("stage") == number
    ]
    began = earlier[-1] if earlier else started if number == 0 else None
    move = int(entry.step_key.rpartition(".")[2])
    agent = "" if started is None else str(started.body.get("agent"))
    return Stage(tenant, agent, strategy, version, number, began, move)
