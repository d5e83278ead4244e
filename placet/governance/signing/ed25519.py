"""Which 32 bytes are an acceptable Ed25519 public key.

`cryptography` takes any 32 bytes. Under a point of small order one signature verifies for many messages, and a point
written in a second way has a second key id. RFC 8032 leaves both to the verifier.
"""

from functools import lru_cache

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_KEY_BYTES = 32

_Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z."""

_IDENTITY: _Point = (0, 1, 1, 0)


@lru_cache(maxsize=4096)  # three milliseconds each, and every decision asks it of the keys of two people
def check_public_key(raw: bytes) -> None:
    """Make sure that `raw` is the canonical form of a point of prime order.

    Raises:
        ValueError: it is not 32 bytes, no point of the curve, written in a second way, or of small or mixed order.
    """
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"it has {len(raw)} bytes; an Ed25519 public key has {_KEY_BYTES}")
    point = _decode(raw)
    if _same(point, _IDENTITY) or not _same(_times(_ORDER, point), _IDENTITY):
        raise ValueError("it is a point of small or mixed order, under which signatures prove nothing")


def _decode(raw: bytes) -> _Point:
    """Read a point (RFC 8032, 5.1.3), in its one canonical form."""
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if y >= _P:
        raise ValueError("it is not in canonical form")
    squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(squared, (_P + 3) // 8, _P)
    if (x * x - squared) % _P:
        x = x * _SQRT_MINUS_1 % _P
    if (x * x - squared) % _P:
        raise ValueError("it is no point of the curve")
    if x == 0 and sign:
        raise ValueError("it is not in canonical form")
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _add(one: _Point, other: _Point) -> _Point:
    """Add two points (RFC 8032, 5.1.4); the formulas are complete, so that doubling is adding."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    total = _IDENTITY
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _same(one: _Point, other: _Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % _P == 0 and (one[1] * other[2] - other[1] * one[2]) % _P == 0
