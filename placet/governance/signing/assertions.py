"""A passkey's signature: a WebAuthn assertion over a challenge, verified offline (W3C Web Authentication Level 3, 7.2).

The steps that are numbered below are those of section 7.2, "Verifying an Authentication Assertion". Steps 1 to 6 are
the page's and the envelope's: whose credential it is, the envelope says by its key id, which is that of the public
key. Step 22, the counter, needs the record (`placet.governance.signing.counters`). No extension is asked for or read.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from placet.contracts.people.passkey import ES256, Passkey, coordinates
from placet.errors import DecisionRefused
from placet.governance.signing.canonical import canonical_bytes
from placet.governance.signing.ed25519 import check_public_key
from placet.governance.signing.plain_json import read_json

LARGEST_ASSERTION: Final = 8192
"""In bytes, of the whole JSON object: more than the three largest members together need."""

_LARGEST_CLIENT_DATA: Final = 2048
_LARGEST_AUTHENTICATOR_DATA: Final = 1024
_LARGEST_SIGNATURE: Final = 80
_MEMBERS: Final = {
    "authenticatorData": _LARGEST_AUTHENTICATOR_DATA,
    "clientDataJSON": _LARGEST_CLIENT_DATA,
    "signature": _LARGEST_SIGNATURE,
}
_NAMES: Final = ("authenticatorData", "clientDataJSON", "signature")

# Section 6.1: rpIdHash (32), flags (1), signCount (4), then attested credential data and extensions where flags say so.
_FLAGS_AT: Final = 32
_FIXED: Final = 37
_UP, _UV, _BE, _BS, _AT, _ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answered; the names are those of `AuthenticatorAssertionResponse`."""

    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    @property
    def counter(self) -> int:
        """How often the authenticator signed; 0 where it does not count."""
        return int.from_bytes(self.authenticator_data[_FLAGS_AT + 1 : _FIXED], "big")


def write_assertion(assertion: Assertion) -> bytes:
    """Write an assertion in the one form in which it is signed with: RFC 8785 JSON of base64url without padding."""
    parts = (assertion.authenticator_data, assertion.client_data, assertion.signature)
    return canonical_bytes({name: to_base64url(part) for name, part in zip(_NAMES, parts, strict=True)})


def read_assertion(data: bytes) -> Assertion:
    """Read an assertion without trusting anything in it. Each has one spelling, and any other is refused.

    Raises:
        DecisionRefused: code `malformed`; it is something else. Code `too_large`.
    """
    if len(data) > LARGEST_ASSERTION:
        raise DecisionRefused(f"the assertion is larger than {LARGEST_ASSERTION} bytes", code="too_large")
    try:
        value = _members(data)
        parts = [_member(value, name) for name in _NAMES]
    except ValueError as error:
        raise DecisionRefused(f"not a WebAuthn assertion: {error}", code="malformed") from error
    return Assertion(*parts)


def check_assertion(assertion: Assertion, challenge: bytes, public_key: bytes, passkey: Passkey) -> None:
    """Check that this passkey answered this challenge, on a page it may be used from, by a person it verified.

    Args:
        assertion: As read, untrusted.
        challenge: What must have been signed: 32 bytes.
        public_key: The canonical COSE_Key.
        passkey: The credential as enrolled.

    Raises:
        DecisionRefused: with the code of the first check that failed: `malformed`, `wrong_ceremony`, `wrong_challenge`,
            `wrong_origin`, `wrong_relying_party`, `user_not_verified` or `bad_signature`.
    """
    _check_client_data(assertion.client_data, challenge, passkey)
    _check_authenticator_data(assertion.authenticator_data, passkey)
    # (20) the hash of cData; (21) the signature covers authData and that hash.
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    try:
        _check_signature(assertion.signature, signed, public_key, passkey)
    except (InvalidSignature, ValueError) as error:
        raise DecisionRefused("the signature does not match the payload and key", code="bad_signature") from error


def check_passkey(public_key: bytes, passkey: Passkey) -> None:
    """Make sure that a public key is a point under which signatures prove something.

    Raises:
        ValueError: it is no canonical COSE_Key for the algorithm, or no acceptable point of the curve.
    """
    x, y = coordinates(public_key, passkey.algorithm)
    if passkey.algorithm == ES256:
        _on_p256(x, y)
    else:
        check_public_key(x)


def to_base64url(data: bytes) -> str:
    """Write bytes in base64url without padding, as WebAuthn does (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Read base64url without padding, in its one spelling.

    Raises:
        ValueError: it is something else.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not base64url") from error
    if to_base64url(data) != text:
        raise ValueError("it is not base64url without padding, in its one spelling")
    return data


def _members(data: bytes) -> dict[str, object]:
    value = read_json(data.decode(), once_each=True)
    if not isinstance(value, dict) or value.keys() != set(_NAMES) or canonical_bytes(value) != data:
        raise ValueError("it is not one canonical JSON object of authenticatorData, clientDataJSON and signature")
    return value


def _member(value: dict[str, object], name: str) -> bytes:
    text = value[name]
    if not isinstance(text, str) or len(text) > _MEMBERS[name] * 4 // 3 + 2:
        raise ValueError(f"{name} is no text, or one of more than {_MEMBERS[name]} bytes")
    try:
        data = from_base64url(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if len(data) > _MEMBERS[name]:
        raise ValueError(f"{name} has {len(data)} bytes, and at most {_MEMBERS[name]} are read")
    return data


def _check_client_data(data: bytes, challenge: bytes, passkey: Passkey) -> None:
    # (8) UTF-8 decode; (9) parse. A name that stands twice would be read otherwise by somebody else.
    try:
        client = read_json(data.decode(), once_each=True)
    except ValueError as error:
        raise DecisionRefused(f"clientDataJSON cannot be read: {error}", code="malformed") from error
    if not isinstance(client, dict):
        raise DecisionRefused("clientDataJSON is no object", code="malformed")
    if client.get("type") != "webauthn.get":  # (10)
        raise DecisionRefused("it answers another ceremony: type is not 'webauthn.get'", code="wrong_ceremony")
    if client.get("challenge") != to_base64url(challenge):  # (11)
        raise DecisionRefused("the passkey signed another challenge than this statement's", code="wrong_challenge")
    if client.get("origin") not in passkey.origins:  # (12)
        raise DecisionRefused("the passkey was used on a page it is not enrolled for", code="wrong_origin")
    # (13), (14): nobody is expected to sign inside a frame of another site.
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise DecisionRefused("the passkey was used inside a page of another origin", code="wrong_origin")


def _check_authenticator_data(data: bytes, passkey: Passkey) -> None:
    if len(data) < _FIXED:
        raise DecisionRefused(f"authenticatorData has {len(data)} bytes, fewer than {_FIXED}", code="malformed")
    if data[:_FLAGS_AT] != hashlib.sha256(passkey.rp_id.encode()).digest():  # (15)
        raise DecisionRefused(
            f"the passkey was used for another party than {passkey.rp_id!r}", code="wrong_relying_party"
        )
    flags = data[_FLAGS_AT]
    if not flags & _UP or not flags & _UV:  # (16), (17)
        raise DecisionRefused("the authenticator did not verify the person", code="user_not_verified")
    if flags & _BS and not flags & _BE:  # (18); whether it is backed up (19) is nobody's business here
        raise DecisionRefused("authenticatorData contradicts itself about backups", code="malformed")
    if flags & _AT or bool(flags & _ED) != (len(data) > _FIXED):
        raise DecisionRefused("authenticatorData is not that of an assertion", code="malformed")


def _check_signature(signature: bytes, signed: bytes, public_key: bytes, passkey: Passkey) -> None:
    x, y = coordinates(public_key, passkey.algorithm)
    if passkey.algorithm == ES256:
        # DER (section 6.5.5). For each signature there is a second one, (r, n - s), that anybody can write down: an
        # envelope's digest must not stand for "this was signed once".
        _on_p256(x, y).verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    else:
        Ed25519PublicKey.from_public_bytes(x).verify(signature, signed)


def _on_p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
