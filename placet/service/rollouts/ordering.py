"""What people do with a rollout: start it, sign it on, hold it, end it."""

import secrets
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from placet.contracts.audit import tenant_stream
from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import DecisionRefused, UsageError
from placet.gate.strategies.promoted import LOOKED
from placet.gate.strategies.rollout import (
    ENDED,
    HELD,
    MOVED,
    RESUMED,
    STARTED,
    Authorised,
    RolloutStanding,
    body_of,
    check_order,
    check_whole,
    in_words,
    resumptions,
    standing_of,
    write_step,
)
from placet.governance.authority.mandates import entitle_signer
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document, unverified_document
from placet.service.given import checked
from placet.service.keeping.tenant_record import Said, take_document, vouched
from placet.service.rollouts.showing import Policies, ShownRollout, asked_with, authorised, show_rollout
from placet.service.strategies.publishing import PublishedStrategy, carried, find_in_force, find_published
from placet.storage.database import Database
from placet.storage.transaction import Transaction

if TYPE_CHECKING:
    from placet.engine.client import Engine


async def start_rollout(
    database: Database,
    engine: "Engine",
    *,
    tenant: str,
    wanted: str,
    by: str,
    policies: Policies,
    channel: str | None = None,
    voucher: Voucher | None = None,
) -> RolloutAsked:
    """Start the rollout of a published strategy; asked for again, it starts a workflow that was lost.

    Raises:
        UsageError: code `unknown_strategy`, `strategy_unpublished`, `other_channel`; code `four_eyes`, who published it
            may not start it; code `rollout_over`, it has ended.
        UpstreamUnavailable: recorded, but Temporal did not start it; asking again starts it.
    """
    await engine.require_ours()
    asked = record_start(
        database, tenant=tenant, wanted=wanted, by=by, policies=policies, channel=channel, voucher=voucher
    )
    await engine.start_rollout(asked)
    return asked


def record_start(
    database: Database,
    *,
    tenant: str,
    wanted: str,
    by: str,
    policies: Policies,
    channel: str | None = None,
    voucher: Voucher | None = None,
) -> RolloutAsked:
    """Put the start of a rollout on the record; what was recorded first stands. Raises as `start_rollout`."""
    said, now = Said.read(by, ""), datetime.now(UTC)
    carries = carried(database, tenant, wanted, channel, policies, now, by_steps=True)
    with database.transaction() as tx:
        found = find_in_force(tx, tenant, carries.version, policies, now)
        it = authorised(tx, found, policies, now)
        stands = standing_of(tx, it)
        if stands.ended is not None:
            raise _over(carries.name, stands)
        if said.by == it.mandate.signer:
            raise UsageError(
                f"{said.by!r} published strategy {carries.name!r}; another person must start its rollout",
                code="four_eyes",
            )
        asked = RolloutAsked(
            tenant=tenant,
            strategy=carries.name,
            version=carries.version,
            agent=carries.by,
            channel=carries.channel,
            requested_by=said.by,
            requested_at=now,
        )
        if not tx.rollouts.add(asked, coming=it.strategy.rollout.coming):
            return _running_already(tx, asked, channel)
        body = body_of(it, agent=carries.by, channel=carries.channel, mandate_id=it.mandate.document_id)
        if it.strategy.rollout.coming:
            body["comers"] = "named"  # each of them is on the record: `audit verify` looks for all
        tx.record_act(tenant, STARTED, said.by, now, carries.version, vouched(body, voucher))
    return asked


def _running_already(tx: Transaction, asked: RolloutAsked, channel: str | None) -> RolloutAsked:
    row = tx.rollouts.get(asked.tenant, asked.version)
    if row is None:
        return asked
    if channel not in (None, row.asked.channel):
        raise UsageError(
            f"the rollout of {asked.strategy!r} runs already, started by {row.asked.requested_by} on channel "
            f"{row.asked.channel!r}; publish another version to use {channel!r}",
            code="rollout_runs",
        )
    return row.asked


def stop_rollout(
    database: Database,
    *,
    tenant: str,
    wanted: str,
    how: Literal["pause", "abort"],
    by: str,
    reason: str,
    policies: Policies,
    voucher: Voucher | None = None,
) -> ShownRollout:
    """Hold a rollout, or end it for good. No signature is asked: nobody is treated by it.

    Raises:
        UsageError: there is no such rollout, or it is over; code `already_held`.
    """
    said, now = Said.read(by, reason), datetime.now(UTC)
    with database.transaction() as tx:
        found, it, stands = _running(tx, tenant, wanted, policies, now)
        version = found.version
        if how == "abort":
            body = body_of(it, how="aborted", reason=said.reason)
            write_step(tx, it, ENDED, said.by, 1, vouched(body, voucher))
        elif stands.held is not None:
            raise UsageError(f"the rollout of {it.mandate.name!r} is held already: {stands.held}", code="already_held")
        else:
            body = body_of(it, reason=said.reason, evidence=None, reverse=False)
            check_whole(stands, it.mandate.name)
            write_step(tx, it, HELD, said.by, stands.holds + 1, vouched(body, voucher))
    return show_rollout(database, tenant, version, policies)


def order_of(
    database: Database,
    *,
    tenant: str,
    wanted: str,
    action: Literal["promote", "resume"],
    signer: str,
    reason: str,
    policies: Policies,
) -> RolloutOrder:
    """Return what is signed to let a rollout go on.

    Raises:
        UsageError: there is no such rollout, or it is over; code `not_held`, `last_stage`.
    """
    now = datetime.now(UTC)
    with database.reading() as tx:
        found, it, stands = _running(tx, tenant, wanted, policies, now)
        check_whole(stands, it.mandate.name)
        number, to, evidence = stands.holds, None, None
        if action == "resume" and stands.held is None:
            raise UsageError(f"the rollout of {it.mandate.name!r} is not held", code="not_held")
        if action == "promote":
            stages = it.strategy.rollout.stages
            if stands.stage + 1 == len(stages):
                raise UsageError(f"the rollout of {it.mandate.name!r} is at its last stage", code="last_stage")
            number, to, evidence = stands.moves + 1, stages[stands.stage + 1], _measured(tx, tenant, it, stands)
    with checked():
        return RolloutOrder(
            tenant=tenant,
            signer=signer,
            signed_at=now,
            document_id=secrets.token_hex(16),
            reason=reason,
            action=action,
            strategy=it.mandate.name,
            version=found.version,
            number=number,
            to=to,
            evidence=evidence,
        )


def _measured(tx: Transaction, tenant: str, it: Authorised, stands: RolloutStanding) -> str | None:
    """Return what the signer sees: the look by which the stage was asked for, else the newest one; None before any."""
    asked = asked_with(tx, tenant, it, stands)
    row = tx.rollouts.get(tenant, it.version)
    if asked is not None or row is None:
        return asked
    entry = tx.audit.find(tenant_stream(tenant), f"{LOOKED}.{it.version}.{row.looks}")
    return None if entry is None else str(entry.body["look"])


def sign_order(order: RolloutOrder, key: SigningKey) -> str:
    """Sign an order; returns the envelope, one line of JSON."""
    return sign_document(order, key.private, key.key_id)


def check_may_order(database: Database, order: RolloutOrder, key: EnrolledKey, policies: Policies) -> None:
    """Say before anybody signs whether an order, signed with `key`, would count now.

    Raises:
        DecisionRefused: policy does not entitle the holder of the key.
        UsageError: there is no such rollout, or it is over.
    """
    with database.reading() as tx:
        _, it, _ = _running(tx, order.tenant, order.version, policies, datetime.now(UTC))
    entitle_signer(it.mandate, key, it.policies)


def take_order(
    database: Database, envelope: str, *, tenant: str, policies: Policies, version: str | None = None
) -> RolloutOrder:
    """Take a signed order on the record; one that does not count is there as well. The same again changes nothing.

    Args:
        database: Where the record is.
        envelope: The signed document, untrusted.
        tenant: Whose rollout it must be of.
        policies: Reads the set in force for an agent.
        version: Of which strategy it must be, where whoever brings it names one.

    Raises:
        DecisionRefused: the signature does not count, policy does not entitle the signer, or the order is not the next.
        UsageError: there is no such rollout, or it is over.
    """
    take = partial(_take, policies=policies, version=version)
    return take_document(database, tenant, envelope, "rollout.order_refused", take)


def _take(
    tx: Transaction, text: str, tenant: str, now: datetime, *, policies: Policies, version: str | None
) -> RolloutOrder:
    claimed = _claimed(text)
    if version not in (None, claimed.version):
        raise DecisionRefused(
            f"the order is of version {claimed.version[:16]!r}, not {str(version)[:16]!r}", code="wrong_strategy"
        )
    found, it, stands = _running(tx, tenant, claimed.version, policies, now)
    check_whole(stands, it.mandate.name)
    order = check_order(tx, it, text)
    document = sha256_hex(text.encode())
    moving = order.action == "promote"
    kind = MOVED if moving else RESUMED
    earlier = tx.audit.find(tenant_stream(tenant), f"{kind}.{found.version}.{order.number}")
    if earlier is not None and earlier.body.get("document") == document:
        return order  # the answer to its COMMIT was lost
    number = stands.moves + 1 if moving else stands.holds
    stages = it.strategy.rollout.stages
    following = stages[stands.stage + 1] if stands.stage + 1 < len(stages) else None
    about = f"{found.version}.{order.number}"
    if not moving and earlier is not None and stands.held is not None:
        # the order that lifted this hold counts no longer: another one may
        free = (one for one in resumptions(it, number) if tx.audit.find(tenant_stream(tenant), f"{kind}.{one}") is None)
        about, earlier = next(free, about), None
    if earlier is not None or order.number != number or (moving and order.to != following):
        raise DecisionRefused(
            "the order is not the next one of this rollout: it has moved on since; look at it and sign anew",
            code="order_overtaken",
        )
    if not moving and stands.held is None:
        raise DecisionRefused("the rollout is not held", code="order_overtaken")
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    more = {"stage": stands.stage + 1, "to": order.to} if moving else {}
    body = body_of(it, document=document, reason=order.reason, evidence=order.evidence, number=number, **more)
    if moving:
        write_step(tx, it, MOVED, order.signer, order.number, body)
    else:
        tx.record_act(tenant, RESUMED, order.signer, now, about, body)
    return order


def _claimed(text: str) -> RolloutOrder:
    """Return what an envelope claims, only to find the rollout that it is about."""
    order, _ = unverified_document(text, RolloutOrder)
    return order


def _running(
    tx: Transaction, tenant: str, wanted: str, policies: Policies, now: datetime
) -> tuple[PublishedStrategy, Authorised, RolloutStanding]:
    found = find_published(tx, tenant, wanted, policies, now)
    it = authorised(tx, found, policies, now)
    stands = standing_of(tx, it)
    name = it.mandate.name
    if stands.started is None:
        raise UsageError(f"strategy {name!r} has no rollout; start it first", code="unknown_rollout")
    if stands.ended is not None:
        raise _over(name, stands)
    return found, it, stands


def _over(name: str, stands: RolloutStanding) -> UsageError:
    return UsageError(f"the rollout of strategy {name!r} is over: {in_words(stands)}", code="rollout_over")
