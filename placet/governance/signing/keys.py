"""An approver's key file: an Ed25519 private key in encrypted PKCS #8 (RFC 5958), readable by its owner alone."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from placet import files
from placet.contracts.base import first_fault
from placet.contracts.people.passkey import EnrolmentRequest
from placet.contracts.text import shortened
from placet.errors import ConfigurationError
from placet.governance.signing.assertions import check_passkey
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.ed25519 import check_public_key
from placet.governance.signing.plain_json import read_json

NOT_OPENED = "key_not_opened"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A loaded private key and its identity."""

    private: Ed25519PrivateKey
    key_id: str


@dataclass(frozen=True, slots=True)
class Signer:
    """A person and the key they sign with."""

    name: str
    key: SigningKey


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the raw 32-byte public key (RFC 8032)."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id_of(raw_public_key: bytes) -> str:
    """Return the identity of a key: SHA-256 of its public half, raw or, of a passkey, as a canonical COSE_Key."""
    return sha256_hex(raw_public_key)


def create_key_file(path: Path, passphrase: str) -> SigningKey:
    """Create a key pair: `path` (mode 0600, encrypted) and `path` + `.pub` (base64, one line).

    Raises:
        ConfigurationError: the file exists, the passphrase is empty, or the folder cannot be written.
    """
    if not passphrase:
        raise ConfigurationError("the passphrase is empty; a key file is always encrypted")
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    raw = public_bytes(private.public_key())
    try:
        files.make_folders(path.parent)
        if not files.write_once(path, pem):
            raise ConfigurationError(f"key file {str(path)!r} exists; choose another name or remove it")
        files.write_file(path.with_name(path.name + ".pub"), base64.b64encode(raw) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"cannot write key file {str(path)!r}: {error.strerror}") from error
    return SigningKey(private, key_id_of(raw))


def check_key_file(path: Path) -> None:
    """Make sure that there is a key file and that nobody else reads it, before its passphrase is asked for.

    Raises:
        ConfigurationError: the file is missing or readable by others.
    """
    _read(path)


def load_key_file(path: Path, passphrase: str) -> SigningKey:
    """Load a private key.

    Raises:
        ConfigurationError: the file is missing, readable by others, not an Ed25519 key, or, with code
            `key_not_opened`, the passphrase does not open it.
    """
    pem = _read(path)
    try:
        private = serialization.load_pem_private_key(pem, passphrase.encode() or None)
    except TypeError as error:
        raise ConfigurationError(f"key file {str(path)!r} and its passphrase do not fit: {error}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"cannot open key file {str(path)!r}: wrong passphrase or not a key file", code=NOT_OPENED
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigurationError(f"key file {str(path)!r} holds another kind of key; Ed25519 is needed")
    return SigningKey(private, key_id_of(public_bytes(private.public_key())))


def _read(path: Path) -> bytes:
    try:
        return files.read_secret(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read key file {str(path)!r}: {error.strerror}; create one with `placet keys new`"
        ) from error


def parse_enrolment_request(text: str) -> EnrolmentRequest:
    """Read what a passkey's registration yielded; whose it is, is that file's word alone.

    Raises:
        ConfigurationError: it is something else, or its public key proves nothing.
    """
    try:
        request = EnrolmentRequest.model_validate_json(json.dumps(read_json(text, once_each=True)))
        check_passkey(base64.b64decode(request.public_key), request.passkey)
    except ValidationError as error:
        raise ConfigurationError(f"not a passkey's enrolment request: {first_fault(error)}") from error
    except ValueError as error:
        raise ConfigurationError(f"not a passkey's enrolment request: {error}") from error
    return request


def is_enrolment_request(text: str) -> bool:
    """Return whether `text` claims to be a passkey's enrolment request, and no base64 public key."""
    return text.lstrip()[:1] == "{"


def parse_public_key(text: str) -> bytes:
    """Read the base64 public key that `create_key_file` wrote.

    Raises:
        ConfigurationError: it is not one.
    """
    try:
        raw = base64.b64decode(text.strip(), validate=True)
        check_public_key(raw)
    except ValueError as error:
        raise ConfigurationError(
            f"{shortened(text.strip(), 60)!r} is not a base64 Ed25519 public key: {error}"
        ) from error
    return raw
