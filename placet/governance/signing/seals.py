"""Seals: rows that only whoever has the installation's own token can have written (HMAC-SHA-256, RFC 2104)."""

import hmac
import json
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr


def seal_key(secret: SecretStr, purpose: str) -> bytes:
    """Derive the key of one purpose from the installation's own token, by HKDF (RFC 5869)."""
    derive = HKDF(SHA256(), 32, salt=None, info=f"placet {purpose}".encode())
    return derive.derive(secret.get_secret_value().encode())


class Sealer:
    """Seals the fields of one kind of row.

    Args:
        secret: The installation's own token.
        purpose: What is sealed; each purpose has a key of its own.
    """

    def __init__(self, secret: SecretStr, purpose: str) -> None:
        self._key = seal_key(secret, purpose)

    def seal(self, fields: Sequence[str | int | None]) -> bytes:
        """Return the seal of some fields, in this order. As JSON, no two lists of fields are the same bytes."""
        return hmac.digest(self._key, json.dumps(list(fields)).encode(), "sha256")

    def holds(self, fields: Sequence[str | int | None], seal: bytes) -> bool:
        """Return whether a seal is that of these fields, compared in constant time."""
        return hmac.compare_digest(self.seal(fields), seal)
