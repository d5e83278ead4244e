"""Deterministic variation: the same customer and label give the same figure on every machine, for ever."""

from hashlib import sha256


def draw(customer_id: str, label: str, bound: int) -> int:
    """Derive an integer in `[0, bound)` from the SHA-256 of the customer and a label."""
    digest = sha256(f"{customer_id}|{label}".encode()).digest()
    return int.from_bytes(digest[:8]) % bound
