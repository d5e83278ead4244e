"""Which public keys are acceptable: every generated one, and none under which a signature proves nothing."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from placet.errors import ConfigurationError, UsageError
from placet.governance.signing import ed25519
from placet.governance.signing.ed25519 import check_public_key
from placet.governance.signing.keys import parse_public_key, public_bytes
from placet.interfaces.cli.signing import key_path

_P = 2**255 - 19
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
SMALL = {
    "one": (1).to_bytes(32, "little"),
    "minus one": (_P - 1).to_bytes(32, "little"),
    "order four": bytes(32),
    "order eight": ORDER_8,
}
NON_CANONICAL = {
    "one, plus the prime": (_P + 1).to_bytes(32, "little"),
    "one, with a sign": ((1 << 255) + 1).to_bytes(32, "little"),
    "off the curve": (2).to_bytes(32, "little"),
    "short": b"\x01",
}


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_generated_is_accepted(seed: bytes) -> None:
    check_public_key(public_bytes(Ed25519PrivateKey.from_private_bytes(seed).public_key()))


@pytest.mark.parametrize("raw", [*SMALL.values(), *NON_CANONICAL.values()], ids=[*SMALL, *NON_CANONICAL])
def test_what_proves_nothing_is_no_key(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"small or mixed order|canonical|no point|bytes"):
        check_public_key(raw)
    with pytest.raises(ConfigurationError, match="is not a base64 Ed25519 public key: it "):
        parse_public_key(base64.b64encode(raw).decode())


def test_a_point_of_mixed_order_is_no_key() -> None:
    honest = ed25519._decode(public_bytes(Ed25519PrivateKey.generate().public_key()))
    x, y, z, _ = ed25519._add(honest, ed25519._decode(ORDER_8))
    inverse = pow(z, _P - 2, _P)
    raw = (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")
    with pytest.raises(ValueError, match="small or mixed order"):
        check_public_key(raw)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "a/b", ".hidden", "", "worker", "policy", "unverified", "agent:x"]
)
def test_a_key_file_bears_a_persons_name_and_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    class Home:
        home = tmp_path

    with pytest.raises(UsageError, match="malformed name"):
        key_path(Home(), name)  # type: ignore[arg-type]
    assert key_path(Home(), "anna") == tmp_path / "keys" / "anna.pem"  # type: ignore[arg-type]
