"""Passkeys: what an enrolment says of a WebAuthn credential beside its public key (W3C Web Authentication Level 3)."""

import base64
import binascii
import hashlib
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from placet.contracts.base import Digest, Frozen, PersonName

Algorithm = Literal[-7, -8]
"""COSE algorithms (RFC 9053): ES256, which is ECDSA on P-256 with SHA-256, and EdDSA, which is Ed25519 here."""

ES256: Final = -7
EDDSA: Final = -8

# A COSE_Key (RFC 9052) in CTAP2's canonical CBOR has one spelling, so that its bytes have one SHA-256.
_EC2_X: Final = bytes.fromhex("a5010203262001215820")
_EC2_Y: Final = bytes.fromhex("225820")
# The prime of P-256 (NIST SP 800-186, section 3.2.1.3), big-endian.
_P256 = (2**256 - 2**224 + 2**192 + 2**96 - 1).to_bytes(32, "big")
_OKP_X: Final = bytes.fromhex("a4010103272006215820")
_COORDINATE: Final = 32

_HOST: Final = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"


def _origin(text: str) -> str:
    """Accept an origin in the one spelling that browsers write (RFC 6454), of a secure context."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not an origin, such as 'https://placet.example'") from error
    default = {"https": 443, "http": 80}.get(parts.scheme)
    spelled = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    if default is None or text != spelled or port == default or (parts.scheme == "http" and host != "localhost"):
        raise ValueError(f"{text!r} is not an origin, such as 'https://placet.example'")
    return text


Origin = Annotated[str, StringConstraints(max_length=300), AfterValidator(_origin)]
"""Scheme, host and port of a page, as a browser writes them: https, or http on localhost."""

# The last label begins with a letter: an address is no relying party.
Host = Annotated[str, StringConstraints(pattern=_HOST, max_length=253)]


class Passkey(Frozen):
    """Which credential may sign, where, and by which algorithm.

    Attributes:
        algorithm: COSE algorithm of the public key.
        credential_id: What the authenticator calls the credential, in base64url without padding.
        rp_id: Relying party: the host, or a parent domain of it, that the credential is bound to.
        origins: The exact origins it may be used from, each on a host of `rp_id`.
    """

    algorithm: Algorithm
    # 1023 bytes are the most that Web Authentication allows.
    credential_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{2,1364}$")]
    rp_id: Host
    origins: Annotated[tuple[Origin, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.origins)) < len(self.origins):
            raise ValueError("an origin is named twice")
        for origin in self.origins:
            host = urlsplit(origin).hostname or ""
            below = "." in self.rp_id and host.endswith(f".{self.rp_id}")  # below a single label is half the world
            if host != self.rp_id and not below:
                raise ValueError(f"origin {origin!r} is not on a host of rp_id {self.rp_id!r}")
        return self


class EnrolmentRequest(Frozen):
    """What a person's registration yields, unsigned: an administrator signs the enrolment that is made of it.

    Attributes:
        name: The person who registered, by their own word.
        public_key: The COSE_Key, in standard base64.
        key_id: SHA-256 of the COSE_Key, in hexadecimal.
    """

    kind: Literal["passkey"] = "passkey"
    name: PersonName
    key_id: Digest
    public_key: Annotated[str, Field(max_length=128)]
    passkey: Passkey

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        raw = decoded_key(self.public_key)
        coordinates(raw, self.passkey.algorithm)
        check_key_id(self.key_id, raw)
        return self


def decoded_key(public_key: str) -> bytes:
    """Return the bytes of a base64 public key.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode(public_key, validate=True)
    except binascii.Error as error:
        raise ValueError(f"public_key {public_key!r} is not base64") from error


def check_key_id(key_id: str, raw: bytes) -> None:
    """Make sure that a key id is that of a public key.

    Raises:
        ValueError: it is another key's.
    """
    if hashlib.sha256(raw).hexdigest() != key_id:
        raise ValueError(f"key_id {key_id!r} is not the SHA-256 of public_key")


def fingerprint(key_id: str) -> str:
    """Return the beginning of a key id in groups of four: 80 bits that two people compare by eye or by voice."""
    return " ".join(key_id[start : start + 4] for start in range(0, 20, 4))


def cose_key(algorithm: Algorithm, x: bytes, y: bytes = b"") -> bytes:
    """Write a public key as a COSE_Key in its one canonical form."""
    return _EC2_X + x + _EC2_Y + y if algorithm == ES256 else _OKP_X + x


def coordinates(raw: bytes, algorithm: Algorithm) -> tuple[bytes, bytes]:
    """Read x and y of a canonical COSE_Key; y is empty for EdDSA. Whether they are a point is not checked here.

    Raises:
        ValueError: it is not the canonical COSE_Key of a key for this algorithm.
    """
    start = len(_OKP_X)
    x = raw[start : start + _COORDINATE]
    y = raw[-_COORDINATE:] if algorithm == ES256 else b""
    in_field = algorithm != ES256 or max(x, y) < _P256  # a point has one spelling, and so one key id
    if len(x) != _COORDINATE or not in_field or raw != cose_key(algorithm, x, y):
        raise ValueError(f"public_key is not the canonical COSE_Key of a key for algorithm {algorithm}")
    return x, y
