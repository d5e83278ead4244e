"""Canonical bytes and digests: one value, one byte string, one SHA-256 (RFC 8785, FIPS 180-4)."""

import hashlib
from typing import Any

import rfc8785
from pydantic import BaseModel


def canonical_bytes(value: BaseModel | dict[str, Any] | list[Any]) -> bytes:
    """Return the RFC 8785 (JCS) form of `value`; a model is taken in its JSON form.

    Raises:
        ValueError: `value` holds something JSON cannot carry exactly (NaN, integers beyond 2^53 - 1).
    """
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"cannot write {type(value).__name__} canonically: {error}") from error


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest(value: BaseModel | dict[str, Any] | list[Any]) -> str:
    """Return the SHA-256 over the canonical form of `value`."""
    return sha256_hex(canonical_bytes(value))
