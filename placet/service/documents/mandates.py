"""What every interface does with mandates: draft one for review, sign it, take it on the record, withdraw it."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer, StrictInt, ValidationError

from placet.contracts.base import AgentName, Digest, Frozen, PersonName, ReasonCode, TenantId, first_fault
from placet.contracts.customer import Declared
from placet.contracts.money import Money, parse_money
from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.mandate import CohortTest, Mandate, MandateRecord
from placet.contracts.proposal import MutationKind
from placet.contracts.text import NAME, shortened
from placet.errors import ConfigurationError, DecisionRefused, GovernanceError, UsageError
from placet.files import read_given
from placet.gate.strategies.published import check_publication
from placet.governance.authority.mandates import (
    Authority,
    MandateState,
    check_authority,
    check_sense,
    entitle_signer,
    state_of,
)
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.plain_json import read_json
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document, verify_document
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import Said, take_document, vouched
from placet.storage.database import Database
from placet.storage.governance.mandates import MOST_AT_ONCE, AlteredMandate
from placet.storage.transaction import Transaction
from placet.toml_files import toml_data

_LARGEST_DRAFT_BYTES = 65_536
_SHOWN: Final = 16
"""Of a digest, in characters."""
_CLEARS: Final = ("valid", "not_yet_valid")
NUMBER_TOO_LARGE = "number_too_large"
_MOST_DIGITS = 15
"""Of a number in a test: canonical JSON (RFC 8785) has no integers beyond 2**53."""


def _amount(value: object) -> object:
    return parse_money(value) if isinstance(value, str) else value


Amount = Annotated[Money, BeforeValidator(_amount), PlainSerializer(str)]
"""Money as people write it: '12.50 EUR'."""


class OfAnotherKind(NamedTuple):
    """A treatment that a draft names, and the kind of change that it is: none that the draft clears."""

    treatment: str
    kind: str


class MandateDraft(Frozen):
    """A mandate before anybody signed it: a file that people review. The fields are those of `Mandate`."""

    tenant: TenantId
    name: str
    drafted_by: PersonName
    agent: AgentName
    kinds: tuple[MutationKind, ...]
    treatments: tuple[ReasonCode, ...]
    cohort: tuple[CohortTest, ...] = ()
    cap_per_customer: Amount
    period_days: StrictInt
    budget: Amount
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    strategy: Annotated[Digest | None, Field(exclude_if=lambda version: version is None)] = None


def of_another_kind(known: Mapping[str, str], drafted: MandateDraft) -> OfAnotherKind | None:
    """Return the first treatment that would never occur with a draft's kinds; `known` are its agent's, by code."""
    found = (OfAnotherKind(one, known[one]) for one in drafted.treatments if one in known)
    return next((one for one in found if one.kind not in drafted.kinds), None)


def draft_mandate(declared: Declared, **fields: Any) -> MandateDraft:
    """Make a draft that could be signed now.

    Args:
        declared: What the mandate's agent tells customers apart by.
        **fields: The fields of `MandateDraft`; amounts as text.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: it makes no sense; see `placet.governance.authority.mandates.check_sense`.
    """
    with checked():
        draft = MandateDraft(**fields)
    # Whoever drafts it will not sign it; here the name only fills the place.
    check_sense(_mandate(draft, draft.drafted_by, ""), datetime.now(UTC), declared)
    return draft


def cohort_test(text: str) -> dict[str, Any]:
    """Read a test on the customer as people write it: `tenure_months ge 12`, `contract in one year, two year`.

    Raises:
        UsageError: it is not three words, or its number is larger than any that is signed.
    """
    words = text.split(maxsplit=2)
    if len(words) != 3:  # noqa: PLR2004 - field, operator, value
        raise UsageError(f"cohort test {shortened(text, NAME)!r} is not like 'tenure_months ge 12'", code="malformed")
    field, op, value = words
    if op == "in":
        return {"field": field, "op": op, "value": [part.strip() for part in value.split(",")]}
    if not (value.isascii() and value.isdecimal()):
        return {"field": field, "op": op, "value": value}
    if len(value) > _MOST_DIGITS:
        raise UsageError(f"the number of cohort test {shortened(text, NAME)!r} is too large", code=NUMBER_TOO_LARGE)
    return {"field": field, "op": op, "value": int(value)}


def read_draft(path: Path) -> MandateDraft:
    """Read a draft: JSON, or TOML where the file's name says so.

    Raises:
        ConfigurationError: the file cannot be read, or is no draft.
    """
    return parse_draft(read_given(path, "mandate draft", most=_LARGEST_DRAFT_BYTES), str(path))


def parse_draft(text: str, name: str) -> MandateDraft:
    """Read the text of a draft: JSON, or TOML where the file's name says so.

    Raises:
        ConfigurationError: it is no draft.
    """
    try:
        toml = name.endswith(".toml")
        return MandateDraft.model_validate(toml_data(text, f"mandate draft {name!r}") if toml else read_json(text))
    except ValidationError as error:
        raise ConfigurationError(f"mandate draft {name!r}: {first_fault(error)}") from error
    except ValueError as error:
        raise ConfigurationError(f"cannot read mandate draft {name!r}: {error}") from error


def mandate_of(draft: MandateDraft, declared: Declared, *, signer: str, reason: str) -> Mandate:
    """Return what `signer` signs to put a draft in force. Each time it is another mandate.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: the mandate makes no sense.
    """
    mandate = _mandate(draft, signer, reason)
    check_sense(mandate, mandate.signed_at, declared)
    return mandate


def sign_mandate(draft: MandateDraft, declared: Declared, *, signer: str, reason: str, key: SigningKey) -> str:
    """Sign a draft; returns the envelope, one line of JSON. Each signing makes another mandate.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: the mandate makes no sense.
    """
    return sign_document(mandate_of(draft, declared, signer=signer, reason=reason), key.private, key.key_id)


def check_may_sign(database: Database, mandate: Mandate, key: EnrolledKey, policies: PolicySet) -> None:
    """Say before anybody signs whether `mandate`, signed with `key`, would count now; `take_mandate` asks again.

    Raises:
        DecisionRefused: policy does not entitle the holder of the key.
        UsageError: code `mandate_in_force`; the same draft was signed before.
    """
    entitle_signer(mandate, key, policies)
    with database.reading() as tx:
        now = datetime.now(UTC)
        _check_new_terms(tx, mandate, now)
        if mandate.strategy is not None:
            check_publication(
                tx, MandateRecord(mandate=mandate, document="0" * 64, key_id=key.key_id, spent_minor=0), now
            )


def take_mandate(
    database: Database, envelope: str, *, tenant: str, policies: PolicySet, declared: Declared
) -> MandateRecord:
    """Put a signed mandate in force. An attempt that does not count is on the record as well.

    Args:
        database: Where it is kept.
        envelope: The signed document, untrusted. The same one again changes nothing.
        tenant: Whose mandate it must be.
        policies: The set in force for the mandate's agent; it says who may sign what.
        declared: What that agent tells customers apart by.

    Raises:
        DecisionRefused: the signature does not count, policy does not entitle the signer, the mandate makes no sense,
            or it was taken on before and revoked since.
        UsageError: code `too_many_mandates`, or `mandate_in_force` where the same draft was signed before.
    """
    take = partial(_take, policies=policies, declared=declared)
    return take_document(database, tenant, envelope, "mandate.refused", take)


def revoke_mandate(
    database: Database, *, tenant: str, mandate_id: str, by: str, reason: str, voucher: Voucher | None = None
) -> MandateRecord:
    """Withdraw a mandate, named by its id or an unambiguous beginning: it clears nothing more.

    What it cleared and is not yet executed will not be.

    Raises:
        UsageError: a value is malformed; no mandate, or several, match; or it is revoked already.
    """
    said = Said.read(by, reason)
    at = datetime.now(UTC)
    with database.transaction() as tx:
        found = find_mandate(tx, tenant, mandate_id)
        _revoke(tx, found, by=said.by, at=at, reason=said.reason, voucher=voucher)
        return find_mandate(tx, tenant, found.mandate.document_id)


def _revoke(
    tx: Transaction, found: MandateRecord, *, by: str, at: datetime, reason: str, voucher: Voucher | None = None
) -> None:
    mandate = found.mandate
    if not tx.mandates.revoke(mandate.tenant, mandate.document_id, by=by, at=at, reason=reason):
        raise UsageError(f"mandate {mandate.name!r} was revoked already, by {found.revoked_by}", code="already_revoked")
    body = {"mandate_id": mandate.document_id, "name": mandate.name, "document": found.document, "reason": reason}
    if mandate.strategy is not None:
        body["strategy"] = mandate.strategy
    tx.record_act(mandate.tenant, "mandate.revoked", by, at, mandate.document_id, vouched(body, voucher))


def find_mandate(tx: Transaction, tenant: str, mandate_id: str) -> MandateRecord:
    """Find the mandate whose id begins with `mandate_id`; another tenant's does not exist here.

    Raises:
        UsageError: no mandate, or several, match.
        GovernanceError: code `mandate_altered`; its row cannot be read.
    """
    matches = [one for one in tx.mandates.listed(tenant) if id_of(one).startswith(mandate_id)]
    found = only_one(matches, mandate_id, "mandate", tenant, see="placet mandate list", code="unknown_mandate")
    if isinstance(found, AlteredMandate):
        raise GovernanceError(found.fault, code="mandate_altered")
    return found


class Standing(NamedTuple):
    """Where a mandate stands.

    Attributes:
        state: Its state by its own terms; `does_not_count` where it would clear something, and its signature fails.
        signature: `good`, or the code and reason of the check that fails.
    """

    state: MandateState | Literal["does_not_count"]
    signature: str


def standing(tx: Transaction, record: MandateRecord, policies: Callable[[], PolicySet], now: datetime) -> Standing:
    """Return where a mandate stands, and whether its signature still counts.

    Args:
        tx: A transaction to read in.
        record: The mandate.
        policies: Reads the set in force for its agent.
        now: When it is to count.
    """
    try:
        text = tx.artifacts.get(record.document, tenant=record.mandate.tenant).decode(errors="replace")
        check_authority(record, text, policies=policies(), now=now, find_key=tx.approvers.get)
    except (GovernanceError, UsageError) as error:
        state = state_of(record, now)
        return Standing("does_not_count" if state in _CLEARS else state, f"{error.code}: {error}")
    return Standing(state_of(record, now), "good")


def id_of(one: MandateRecord | AlteredMandate) -> str:
    """Return the id of a mandate that was listed."""
    return one.mandate_id if isinstance(one, AlteredMandate) else one.mandate.document_id


def _mandate(draft: MandateDraft, signer: str, reason: str) -> Mandate:
    with checked():
        return Mandate(
            signer=signer,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            **dict(draft),
        )


def _take(
    tx: Transaction, text: str, tenant: str, now: datetime, *, policies: PolicySet, declared: Declared
) -> MandateRecord:
    verified = verify_document(text, Mandate, tenant=tenant, now=now, find_key=tx.approvers.get)
    mandate = verified.document
    record = MandateRecord(mandate=mandate, document=verified.digest, key_id=verified.key.key_id, spent_minor=0)
    earlier = tx.mandates.get(tenant, mandate.document_id)
    if earlier is not None:
        return _same(earlier, record)
    check_sense(mandate, now, declared)
    authority = check_authority(record, text, policies=policies, now=now, find_key=tx.approvers.get)
    if len(tx.mandates.candidates(tenant, mandate.agent, now)) >= MOST_AT_ONCE:
        raise UsageError(
            f"agent {mandate.agent!r} has {MOST_AT_ONCE} mandates in force; revoke some first", code="too_many_mandates"
        )
    _check_new_terms(tx, mandate, now)
    replaced = () if mandate.strategy is None else check_publication(tx, record, now)
    if not tx.mandates.add(record):
        raise DecisionRefused(f"mandate {mandate.name!r} was taken on at this moment", code="duplicate")
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    tx.artifacts.put(tenant, POLICY_SET_MEDIA_TYPE, policies.document)
    _record_signed(tx, record, authority, policies, now)
    for one in replaced:
        reason = f"replaced by version {str(mandate.strategy)[:_SHOWN]}, as mandate {mandate.document_id}"
        _revoke(tx, one, by=mandate.signer, at=now, reason=reason)
    return record


def _check_new_terms(tx: Transaction, mandate: Mandate, now: datetime) -> None:
    """Refuse a draft that was signed already: together the two would give twice its budget, and twice its cap.

    Raises:
        UsageError: code `mandate_in_force`.
    """
    terms = mandate.model_dump(include=set(MandateDraft.model_fields))
    for one in tx.mandates.list(mandate.tenant, mandate.agent):
        if one.revoked_at is not None or one.mandate.valid_until <= now:
            continue
        if one.mandate.model_dump(include=set(MandateDraft.model_fields)) == terms:
            raise UsageError(
                f"this draft is in force already, as mandate {one.mandate.document_id} signed by {one.mandate.signer}: "
                "two would give twice its budget; revoke that one first, or change the draft",
                code="mandate_in_force",
            )


def _same(earlier: MandateRecord, record: MandateRecord) -> MandateRecord:
    """Return the earlier record if it is this very document, not revoked since: the answer to its COMMIT was lost."""
    if earlier.document != record.document or earlier.revoked_at is not None:
        state = "revoked since" if earlier.revoked_at is not None else "under another signature"
        raise DecisionRefused(f"this mandate was taken on before, {state}; sign a new one", code="duplicate")
    return earlier


def _record_signed(
    tx: Transaction, record: MandateRecord, authority: Authority, policies: PolicySet, now: datetime
) -> None:
    mandate = record.mandate
    body = {
        "mandate_id": mandate.document_id,
        "document": record.document,
        "key_id": record.key_id,
        **mandate.model_dump(mode="json", exclude={"document_id", "tenant", "signer"}),
        "policy_set": policies.digest,
        "policies": authority.policies,
    }
    tx.record_act(mandate.tenant, "mandate.signed", mandate.signer, now, mandate.document_id, body)
