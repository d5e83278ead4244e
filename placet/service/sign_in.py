"""Signing in with a passkey: an assertion over a challenge that can be nothing else (docs/adr/0037).

A challenge signs somebody in once: the entry of the sign-in has the challenge in its step key, which the record takes
once, and whoever does not put it there is refused.

The challenge is the SHA-256 of a tagged text with 256 random bits of ours. What a decision or a document asks a passkey
to sign is the SHA-256 of DSSE's encoding, which begins with `DSSEv1 ` (`placet.governance.signing.dsse`). The two texts
differ in their first letter, so that an assertion for the one is never one for the other.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from placet.contracts.audit import RecordKind, tenant_stream
from placet.contracts.people.approver import EnrolledKey
from placet.errors import DecisionRefused
from placet.governance.approvals import check_key
from placet.governance.signing.assertions import Assertion, check_assertion, to_base64url
from placet.governance.signing.counters import CounterUse
from placet.service.passkeys import TIMEOUT_MS, read_answer
from placet.storage.database import Database
from placet.storage.governance.counters import check_use, note_use

_TAG: Final = "placet sign-in v1"

UNKNOWN: Final = "unknown_passkey"
BEGAN: Final[RecordKind] = "session.began"


def new_random() -> bytes:
    """Return the random part of a challenge; bind it to the person's browser."""
    return secrets.token_bytes(32)


def sign_in_challenge(tenant: str, random: bytes) -> bytes:
    """Return the challenge of one sign-in."""
    return hashlib.sha256(f"{_TAG}\n{tenant}\n{random.hex()}\n".encode()).digest()


def sign_in_options(tenant: str, random: bytes, rp_id: str) -> dict[str, Any]:
    """Return `PublicKeyCredentialRequestOptionsJSON` that asks for any passkey of the relying party.

    No credential is named: whoever is not signed in learns nobody's.
    """
    return {
        "challenge": to_base64url(sign_in_challenge(tenant, random)),
        "rpId": rp_id,
        "allowCredentials": [],
        "userVerification": "required",
        "timeout": TIMEOUT_MS,
    }


def key_that_signs_in(database: Database, tenant: str, answer: str, random: bytes, now: datetime) -> EnrolledKey:
    """Return whose passkey answered, and put it on the record that they signed in.

    Args:
        database: Where enrolled keys are.
        tenant: Whose console it is.
        answer: `AuthenticationResponseJSON`, untrusted.
        random: Of the challenge, taken from the browser that it was made for.
        now: When the key must count.

    Raises:
        UsageError: code `malformed_passkey_response`.
        DecisionRefused: code `unknown_passkey`. Code `duplicate`; the challenge was answered before. Code
            `counter_rolled_back`; its counter does not fit those on the record. Or with the code of what is wrong with
            the assertion, or with the key.
    """
    credential_id, assertion = read_answer(answer)
    challenge = sign_in_challenge(tenant, random)
    # Before the lock: a stranger's assertions must keep nobody from writing.
    with database.reading() as tx:
        key = _signer(tx.approvers.by_credential(tenant, credential_id), assertion, challenge)
    with database.transaction() as tx:
        key = check_key(tx.approvers.get(key.key_id), key.key_id, tenant, now)
        if tx.audit.find(tenant_stream(tenant), f"{BEGAN}.{challenge.hex()}") is not None:
            raise _used()
        use = CounterUse(key.key_id, assertion.counter, challenge.hex(), now)
        check_use(tx, tenant, use)
        note_use(tx, tenant, use, key.name, now)
        began = tx.audit.add(
            stream=tenant_stream(tenant),
            tenant=tenant,
            run_id=None,
            kind=BEGAN,
            actor=key.name,
            step_key=f"{BEGAN}.{challenge.hex()}",
            at=now,
            body={"passkey": key.key_id},
        )
        if not began.ours:
            raise _used()  # of two that come at once, one is first
    return key


def _used() -> DecisionRefused:
    return DecisionRefused("this sign-in was used already", code="duplicate")


def _signer(keys: Iterable[EnrolledKey], assertion: Assertion, challenge: bytes) -> EnrolledKey:
    """Return the key that made the assertion. Who registers under another's credential id keeps nobody out."""
    refused = DecisionRefused("this passkey is not enrolled here", code=UNKNOWN)
    for key in keys:
        if key.passkey is None:
            continue
        try:
            check_assertion(assertion, challenge, base64.b64decode(key.public_key), key.passkey)
        except DecisionRefused as error:
            refused = error
        else:
            return key
    raise refused
