"""A key file is encrypted, its owner's alone, and never overwritten; each mistake is one clear line."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from placet.errors import ConfigurationError
from placet.governance.signing.keys import create_key_file, key_id_of, load_key_file, parse_public_key


def test_a_created_key_loads_with_its_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "anna.pem"
    created = create_key_file(path, "correct horse")
    assert load_key_file(path, "correct horse").key_id == created.key_id
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert key_id_of(parse_public_key((tmp_path / "keys" / "anna.pem.pub").read_text())) == created.key_id


def test_an_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "anna.pem"
    create_key_file(path, "one")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"anna\.pem' exists"):
        create_key_file(path, "two")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.chmod(0o644), "mode 0644; run chmod 600"),
        (lambda path: path.write_text("hello"), "wrong passphrase or not a key file"),
    ],
)
def test_each_mistake_is_one_clear_line(tmp_path: Path, spoil: object, message: str) -> None:
    path = tmp_path / "anna.pem"
    create_key_file(path, "pass")
    spoil(path)  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_key_file(path, "pass")
    assert "\n" not in str(caught.value)


def test_a_wrong_passphrase_is_said_plainly(tmp_path: Path) -> None:
    path = tmp_path / "anna.pem"
    create_key_file(path, "pass")
    with pytest.raises(ConfigurationError, match="wrong passphrase"):
        load_key_file(path, "other")
    with pytest.raises(ConfigurationError, match="passphrase do not fit"):
        load_key_file(path, "")


def test_an_empty_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="always encrypted"):
        create_key_file(tmp_path / "anna.pem", "")
    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(
        X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pass"),
        )
    )
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="Ed25519 is needed"):
        load_key_file(path, "pass")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64 at all!", "A" * 44])
def test_a_malformed_public_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a base64 Ed25519 public key"):
        parse_public_key(text)
