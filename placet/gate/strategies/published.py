"""Which version of a strategy a signature in force publishes. Nothing else makes a text count."""

from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from pydantic import ValidationError

from placet.contracts.people.mandate import MandateRecord
from placet.contracts.run import RunRequest
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.times import moment
from placet.decisioning.strategies.publication import differing
from placet.errors import DecisionRefused, GovernanceError, PolicyError, UsageError
from placet.gate.context import GateContext
from placet.gate.strategies.rollout import Authorised, standing_of
from placet.governance.authority.mandates import check_authority
from placet.governance.policy.set import PolicySet
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

UNPUBLISHED = "strategy_unpublished"
_SHOWN = 16
_REMEMBERED: Final = 128
"""Texts that a process remembers, read: those in force, and some that were."""


class Published(NamedTuple):
    """A strategy, and the mandate whose signature publishes it.

    Attributes:
        reached: The share of its cohort that it may reach now, in basis points, by its rollout.
    """

    strategy: Strategy
    record: MandateRecord
    reached: int


def published(tx: Transaction, tenant: str, agent: str, version: str, policies: PolicySet, now: datetime) -> Published:
    """Return the strategy of a version whose publication counts now.

    Args:
        tx: Where the record is.
        tenant: Whose strategy.
        agent: The application that carries it out.
        version: Its digest.
        policies: The set in force for that application; it says who may publish.
        now: When it is to count.

    Raises:
        DecisionRefused: code `strategy_unpublished`; nobody signed this version, the signature counts no longer, it was
            withdrawn, or it is not its term. Code `strategy_altered`; what is kept is not what was signed.
    """
    refusals = []
    for record in tx.mandates.publishing(tenant, version):
        if isinstance(record, AlteredMandate):
            refusals.append(record.fault)
            continue
        if (why := _over(record, agent, now)) is not None:
            refusals.append(why)
            continue
        try:
            text = tx.artifacts.get(record.document, tenant=tenant).decode(errors="replace")
            check_authority(record, text, policies=policies, now=now, find_key=tx.approvers.get)
        except (GovernanceError, UsageError) as error:
            refusals.append(str(error))
            continue
        strategy = strategy_of(tx, record)
        stands = standing_of(tx, Authorised(strategy, record.mandate, policies, now))
        return Published(strategy, record, stands.reached)
    why = refusals[-1] if refusals else "nobody has signed it"
    raise DecisionRefused(
        f"strategy version {version[:_SHOWN]} is not in force: {why}; see `placet strategy list`", code=UNPUBLISHED
    )


def check_publication(tx: Transaction, record: MandateRecord, now: datetime) -> tuple[MandateRecord, ...]:
    """Check that a new mandate publishes a text that is kept here; return those of earlier versions, which it replaces.

    One version of a strategy is in force at a time, so that no customer is reached by two, and no budget is doubled.

    Raises:
        DecisionRefused: code `strategy_altered`; see `strategy_of`. Code `strategy_in_force`; the same version is in
            force. Code `strategy_superseded`; one was signed later, though it be withdrawn since: an older envelope
            must not come back.
    """
    strategy_of(tx, record)
    mandate, replaced = record.mandate, []
    for one in tx.mandates.publishing(mandate.tenant):
        if isinstance(one, AlteredMandate) or one.mandate.name != mandate.name:
            continue
        if one.mandate.signed_at > mandate.signed_at:
            raise DecisionRefused(
                f"a version of strategy {mandate.name!r} was signed later, at {moment(one.mandate.signed_at)}; "
                "sign this one anew if it is meant to replace it",
                code="strategy_superseded",
            )
        if one.revoked_at is not None or one.mandate.valid_until <= now:
            continue
        if one.mandate.strategy == mandate.strategy:
            raise DecisionRefused(
                f"this version of strategy {mandate.name!r} is in force, signed by {one.mandate.signer} at "
                f"{moment(one.mandate.signed_at)}; revoke that mandate first to publish it anew",
                code="strategy_in_force",
            )
        replaced.append(one)
    return tuple(replaced)


def asked_of(context: GateContext, run: RunRequest) -> Strategy | None:
    """Return the strategy that a run carries out; None where it names none, or that one is not in force."""
    if run.strategy is None:
        return None
    try:
        policies = context.policies(run.tenant, run.agent)
        with context.database.reading() as tx:
            return published(tx, run.tenant, run.agent, run.strategy, policies, context.clock()).strategy
    except (DecisionRefused, PolicyError):
        return None  # (3) propose says why


def _over(record: MandateRecord, agent: str, now: datetime) -> str | None:
    mandate = record.mandate
    if mandate.agent != agent:
        return f"agent {mandate.agent!r} carries it out, not {agent!r}"
    if record.revoked_at is not None:
        why = f": {record.revoked_reason}" if record.revoked_reason else ""
        return f"it was withdrawn by {record.revoked_by} at {moment(record.revoked_at)}{why}"
    if not mandate.valid_from <= now < mandate.valid_until:
        return f"its term is from {moment(mandate.valid_from)} until {moment(mandate.valid_until)}"
    return None


def strategy_of(tx: Transaction, record: MandateRecord) -> Strategy:
    """Return the text that a mandate publishes, and check that the mandate has its bounds.

    Raises:
        DecisionRefused: code `strategy_altered`; the text is gone, or the mandate is none of it.
    """
    mandate = record.mandate
    try:
        strategy = _read(tx.artifacts.get(str(mandate.strategy), tenant=mandate.tenant))
    except (GovernanceError, UsageError) as error:
        raise DecisionRefused(
            f"the text of strategy {mandate.name!r} is gone or altered: {error}", code="strategy_altered"
        ) from error
    except ValidationError as error:
        raise DecisionRefused(
            f"the text of strategy {mandate.name!r} is no strategy: {error.error_count()} faults",
            code="strategy_altered",
        ) from error
    field = differing(mandate, strategy)
    if field is not None:
        raise DecisionRefused(
            f"the mandate of strategy {mandate.name!r} has another {field} than its text", code="strategy_altered"
        )
    return strategy


@lru_cache(maxsize=_REMEMBERED)
def _read(content: bytes) -> Strategy:
    """Read a text whose bytes were just fetched and checked against their digest; the same bytes are read once."""
    return Strategy.model_validate_json(content)


def forget_read() -> None:
    """Forget all texts that were remembered: for measurements."""
    _read.cache_clear()
