"""What every interface does with halts: place one, say what can no longer be stopped, lift one on a signature."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, NotRequired, TypedDict, Unpack, get_args

from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.halt import Halt, HaltScope, Lift
from placet.contracts.proposal import MutationKind, Proposal
from placet.errors import DecisionRefused, PlacetError, UsageError
from placet.governance.halts import PLACED, check_lift, stops
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document, verify_document
from placet.service.documents.entitling import Permitting, entitle, keep_entitling
from placet.service.given import checked, own
from placet.service.keeping.tenant_record import check_same_body, take_document, vouched
from placet.storage.database import Database
from placet.storage.records import EffectRecord
from placet.storage.transaction import Transaction


class Placing(NamedTuple):
    """What came of asking for a halt.

    Attributes:
        halt: The halt; where its key was used before, the one that was placed then, lifted since or not.
        leaving: The effects it came too late for: their requests were leaving already and may still arrive.
        new: False where the same key had placed it before.
    """

    halt: Halt
    leaving: tuple[EffectRecord, ...]
    new: bool


def place_halt(database: Database, **asked: Unpack["_Asked"]) -> tuple[Halt, tuple[EffectRecord, ...]]:
    """As `place_halt_once`, without a key: each call places another halt."""
    return place_halt_once(database, key=None, **asked)[:2]


class _Asked(TypedDict):
    tenant: str
    scope: HaltScope
    subject: str
    by: str
    reason: str
    agents: tuple[str, ...]
    voucher: NotRequired[Voucher | None]


def place_halt_once(
    database: Database,
    *,
    key: str | None,
    tenant: str,
    scope: HaltScope,
    subject: str,
    by: str,
    reason: str,
    agents: tuple[str, ...],
    voucher: Voucher | None = None,
) -> Placing:
    """Halt a tenant, an agent or a kind of mutation. When this returns, nothing it is about starts to leave any more.

    The same may be halted twice; it goes on when every halt on it is lifted.

    Args:
        database: Where the halt is kept.
        key: The same key of a tenant is the same halt, however often it is asked for; None: each time another one.
        tenant: Whose executions stop.
        scope: What `subject` names.
        subject: The agent or the kind of mutation; empty for the whole tenant.
        by: Who places it.
        reason: Why, for the record.
        agents: The agents there are: a halt on a misspelt one would stop nothing.
        voucher: The token that vouches for who places it, where one does.

    Raises:
        UsageError: a value is malformed, or there is no such agent or kind. Code `idempotency_conflict`: the key has
            placed another halt.
    """
    halt = _halt_of(key, tenant, scope, subject, by, reason, agents)
    earlier = None if key is None else _placed_before(database, halt)
    if earlier is None:
        body = vouched(halt.model_dump(mode="json", include={"halt_id", "scope", "subject", "reason"}), voucher)
        try:
            with database.transaction() as tx:
                tx.halts.place(halt)
                tx.record_act(tenant, PLACED, by, halt.placed_at, halt.halt_id, body)
        except UsageError:
            # The same request, sent twice at once: the other one was first.
            earlier = None if key is None else _placed_before(database, halt)
            if earlier is None:
                raise
    # After the commit: what is counted now was counted before it, and nobody waits for this look at the ledger.
    with database.reading() as tx:
        under_way = tx.effects.under_way(tenant, datetime.now(UTC))
        leaving = tuple(effect for effect in under_way if _concerns(tx, halt, effect))
    return Placing(earlier or halt, leaving, new=earlier is None)


def _halt_of(
    key: str | None, tenant: str, scope: HaltScope, subject: str, by: str, reason: str, agents: tuple[str, ...]
) -> Halt:
    """Return the halt that is asked for, as of now; the arguments and what is raised are those of `place_halt_once`."""
    known = {"agent": agents, "kind": get_args(MutationKind)}.get(scope)
    if known is not None and subject not in known:
        raise UsageError(f"unknown {scope} {subject!r}; known: {', '.join(known)}", code=f"unknown_{scope}")
    if not reason.strip():
        raise UsageError("a halt needs a reason: whoever is to lift it reads it", code="no_reason")
    with checked():
        return Halt(
            halt_id=f"halt-{secrets.token_hex(6) if key is None else sha256_hex(f'{tenant}/{key}'.encode())[:12]}",
            tenant=tenant,
            scope=scope,
            subject=subject,
            reason=reason,
            placed_by=by,
            placed_at=datetime.now(UTC),
        )


def _placed_before(database: Database, halt: Halt) -> Halt | None:
    """Find the halt that stands under the id of `halt`, if it is the same; None where there is none.

    Raises:
        UsageError: code `idempotency_conflict`; it is another.
    """
    with database.reading() as tx:
        earlier = tx.halts.get(halt.halt_id)
    if earlier is not None:
        asked = {"tenant", "scope", "subject", "reason", "placed_by"}
        check_same_body(earlier.model_dump(include=asked), halt.model_dump(include=asked))
    return earlier


def draft_lift(halt: Halt, *, name: str, reason: str) -> Lift:
    """Return what whoever lets `halt` go on signs.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return Lift(
            tenant=halt.tenant,
            signer=name,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            halt_id=halt.halt_id,
        )


def sign_lift(halt: Halt, *, name: str, reason: str, key: SigningKey) -> str:
    """Sign that `halt` is to be lifted; returns the envelope, one line of JSON.

    Raises:
        UsageError: a value is malformed.
    """
    return sign_document(draft_lift(halt, name=name, reason=reason), key.private, key.key_id)


def check_may_lift(halt: Halt, lift: Lift, key: EnrolledKey, policies: Mapping[str, PolicySet]) -> None:
    """Say before anybody signs whether `lift`, signed with `key`, would count now; `lift_halt` asks again.

    Raises:
        DecisionRefused: it would not.
    """
    _entitle(key, check_lift(lift, halt, datetime.now(UTC)), policies)


def lift_halt(database: Database, envelope: str, *, tenant: str, policies: Mapping[str, PolicySet]) -> Halt:
    """Lift a halt on a signed document. An attempt that does not count is on the record as well.

    Args:
        database: Where the halt is kept.
        envelope: The signed document, untrusted.
        tenant: Whose halt it must be.
        policies: The policy set in force for each agent of the tenant. A halt on one agent is lifted by that agent's
            policies; every other one concerns all agents, and each of their sets must permit it.

    Raises:
        DecisionRefused: the signature does not count, its signer is not entitled, or the halt is lifted already.
    """
    return take_document(database, tenant, envelope, "halt.lift_refused", partial(_lift, policies=policies))


def find_halt(database: Database, tenant: str, halt_id: str) -> Halt:
    """Find the halt; another tenant's does not exist here.

    Raises:
        UsageError: there is none.
    """
    with database.reading() as tx:
        halt = tx.halts.get(halt_id)
    return own(halt, tenant, f"no halt {halt_id!r}; see `placet halts`", "unknown_halt")


def _concerns(tx: Transaction, halt: Halt, effect: EffectRecord) -> bool:
    """Return whether an effect under way is one that `halt` is about; one that cannot be told apart is shown."""
    if halt.scope == "tenant":
        return True
    try:
        proposal = tx.artifacts.get_model(effect.proposal, Proposal, tenant=effect.tenant)
    except PlacetError:
        return True
    return stops(halt.scope, halt.subject, agent=proposal.agent, kind=proposal.mutation.kind)


def _lift(tx: Transaction, text: str, tenant: str, now: datetime, *, policies: Mapping[str, PolicySet]) -> Halt:
    verified = verify_document(text, Lift, tenant=tenant, now=now, find_key=tx.approvers.get)
    lift, found = verified.document, tx.halts.get(verified.document.halt_id)
    if found is not None and found.lift == verified.digest:
        return found  # by this very document: the answer to an earlier COMMIT was lost
    halt = check_lift(lift, found, now)
    entitling = _entitle(verified.key, halt, policies)
    # Nobody lifts it in between unless they signed as well, and then the first stands.
    if not tx.halts.lift(halt.halt_id, by=lift.signer, at=now, document=verified.digest):
        raise DecisionRefused(f"{halt.halt_id} was lifted at this moment", code="already_lifted")
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    body = {
        **halt.model_dump(mode="json", include={"halt_id", "scope", "subject"}),
        "reason": lift.reason,
        "key_id": verified.key.key_id,
        "document": verified.digest,
        "policies": keep_entitling(tx, tenant, entitling),
    }
    tx.record_act(tenant, "halt.lifted", lift.signer, now, halt.halt_id, body)
    return halt.model_copy(update={"lifted_by": lift.signer, "lifted_at": now, "lift": verified.digest})


def _entitle(key: EnrolledKey, halt: Halt, policies: Mapping[str, PolicySet]) -> Permitting:
    """Return the policies that permit the holder of `key` to lift `halt`."""
    alone = policies.get(halt.subject) if halt.scope == "agent" else None
    asked = policies.values() if alone is None else (alone,)
    return entitle(key, asked, lambda one: one.may_lift(key, halt), action="lift", to=f"lift {halt.halt_id}")
