"""A software authenticator: makes WebAuthn credentials and assertions, honest ones and others."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from webauthn.helpers import encode_cbor

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.passkey import EDDSA, ES256, Algorithm, EnrolmentRequest, Passkey, cose_key
from placet.governance.signing import dsse
from placet.governance.signing.assertions import Assertion, to_base64url
from placet.governance.signing.canonical import sha256_hex

ORIGIN = "https://placet.example"
RP_ID = "placet.example"
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class Authenticator:
    """One credential on one device. Every field may be changed between two uses.

    Attributes:
        enrolled_at: The party and the origin that its enrolment says.
        counter: What the next assertion says is one more; None for an authenticator that does not count.
        client: More members of clientDataJSON.
    """

    algorithm: Algorithm = ES256
    rp_id: str = RP_ID
    origin: str = ORIGIN
    counter: int | None = None
    flags: int = UP | UV
    client: dict[str, Any] = field(default_factory=dict)
    extensions: bytes = b""
    enrolled_at: tuple[str, str] = (RP_ID, ORIGIN)

    def __post_init__(self) -> None:
        self.private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP256R1())
        if self.algorithm == EDDSA:
            self.private = Ed25519PrivateKey.generate()
        self.credential_id = secrets.token_bytes(32)

    @property
    def public_key(self) -> bytes:
        """The canonical COSE_Key."""
        if isinstance(self.private, Ed25519PrivateKey):
            return cose_key(EDDSA, self.private.public_key().public_bytes_raw())
        numbers = self.private.public_key().public_numbers()
        return cose_key(ES256, numbers.x.to_bytes(32), numbers.y.to_bytes(32))

    @property
    def key_id(self) -> str:
        return sha256_hex(self.public_key)

    @property
    def passkey(self) -> Passkey:
        """As it is enrolled."""
        return Passkey(
            algorithm=self.algorithm,
            credential_id=to_base64url(self.credential_id),
            rp_id=self.enrolled_at[0],
            origins=(self.enrolled_at[1],),
        )

    def request(self, name: str) -> EnrolmentRequest:
        public_key = base64.b64encode(self.public_key).decode()
        return EnrolmentRequest(name=name, key_id=self.key_id, public_key=public_key, passkey=self.passkey)

    def enrolled(self, name: str, *, roles: tuple[str, ...] = ("retention_lead",), tenant: str = "demo") -> EnrolledKey:
        """A key as the registry would have it."""
        return EnrolledKey(
            tenant=tenant,
            name=name,
            roles=roles,
            limit=Money(amount_minor=20_000, currency="USD"),
            key_id=self.key_id,
            public_key=base64.b64encode(self.public_key).decode(),
            enrolled_by="root",
            enrolled_at=datetime(2026, 1, 1, tzinfo=UTC),
            passkey=self.passkey,
        )

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(data)
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def client_data(self, kind: str, challenge: bytes) -> bytes:
        said = {"type": kind, "challenge": to_base64url(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps({**said, **self.client}, separators=(",", ":")).encode()

    def authenticator_data(self, attested: bytes = b"") -> bytes:
        if self.counter is not None:
            self.counter += 1
        flags = self.flags | (AT if attested else 0)
        party = hashlib.sha256(self.rp_id.encode()).digest()
        return party + bytes([flags]) + (self.counter or 0).to_bytes(4) + attested + self.extensions

    def answer(self, challenge: bytes) -> Assertion:
        """Assert over a challenge; it counts as one more use."""
        client, data = self.client_data("webauthn.get", challenge), self.authenticator_data()
        return Assertion(data, client, self.sign(data + hashlib.sha256(client).digest()))

    def envelope(self, statement: bytes) -> str:
        """Sign a statement, as a page would have it signed."""
        return dsse.envelope_of(statement, self.answer(dsse.challenge_of(statement)), self.key_id)

    def asserted(self, challenge: bytes) -> str:
        """`AuthenticationResponseJSON`."""
        answer = self.answer(challenge)
        response = {
            "authenticatorData": to_base64url(answer.authenticator_data),
            "clientDataJSON": to_base64url(answer.client_data),
            "signature": to_base64url(answer.signature),
            "userHandle": None,
        }
        return json.dumps(self._credential(response))

    def registered(self, challenge: bytes) -> str:
        """`RegistrationResponseJSON`, without attestation."""
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + self.public_key
        attestation = {"fmt": "none", "attStmt": {}, "authData": self.authenticator_data(attested)}
        response = {
            "attestationObject": to_base64url(encode_cbor(attestation)),
            "clientDataJSON": to_base64url(self.client_data("webauthn.create", challenge)),
            "transports": ["internal"],
        }
        return json.dumps(self._credential(response))

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = to_base64url(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


def mirrored(signature: bytes) -> bytes:
    """The other ECDSA signature that verifies for the same message: (r, n - s)."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, _P256_ORDER - s)
