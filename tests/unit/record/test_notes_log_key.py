"""The log key is made once, is its owner's alone, and is verified by whatever a person has of its public half."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from placet.errors import ConfigurationError
from placet.governance.log.key import load_or_create_log_identity, read_trusted_keys, verifiers_for
from placet.governance.log.notes import VerifierKey

ORIGIN = "placet.example/acme"


def test_a_log_key_is_made_once_however_many_start_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.pem"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create_log_identity("placet.example", path), range(8)))
    assert len({identity.key.key_id for identity in made}) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["log.pem", "log.pem.pub"]
    assert made[0].trusted == read_trusted_keys(path)
    assert [str(key) for key in made[0].verifiers("acme")] == [str(VerifierKey(ORIGIN, made[0].trusted[0]))]


def test_a_public_key_is_given_as_a_file_or_as_a_verifier_key(tmp_path: Path) -> None:
    identity = load_or_create_log_identity("placet.example", tmp_path / "log.pem")
    (expected,) = identity.verifiers("acme")
    vkey_file = tmp_path / "log.vkey"
    vkey_file.write_text(f"{expected}\n")
    for given in (str(tmp_path / "log.pem.pub"), str(vkey_file), str(expected)):
        assert verifiers_for(ORIGIN, [given]) == [expected]
    # A verifier key names its log itself; a bare key is trusted for the log in question.
    elsewhere = "placet.example/umbrella"
    assert verifiers_for(elsewhere, [str(expected)])[0].name == ORIGIN
    assert verifiers_for(elsewhere, [str(tmp_path / "log.pem.pub")])[0].name == elsewhere


@pytest.mark.parametrize("text", ["", "hello", base64.b64encode(bytes(31)).decode(), "a+b+c", "\N{SNOWMAN}"])
def test_what_is_not_a_public_key_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.pem.pub"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="is not a base64 Ed25519 public key"):
        verifiers_for(ORIGIN, [str(path)])
    with pytest.raises(ConfigurationError, match="is not a base64 Ed25519 public key"):
        read_trusted_keys(tmp_path / "log.pem")
    with pytest.raises(ConfigurationError, match=r"cannot read public key file '.*nowhere'"):
        verifiers_for(ORIGIN, [str(tmp_path / "nowhere")])


def test_a_key_mounted_alone_and_read_only_is_enough(tmp_path: Path) -> None:
    made = load_or_create_log_identity("placet.example", tmp_path / "log.pem")
    (tmp_path / "log.pem.pub").unlink()
    assert load_or_create_log_identity("placet.example", tmp_path / "log.pem").trusted == made.trusted
    assert read_trusted_keys(tmp_path / "log.pem") == made.trusted
    assert not (tmp_path / "log.pem.pub").exists()


def test_a_spoiled_key_file_signs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    load_or_create_log_identity("placet.example", path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="mode 0640; run chmod 600"):
        load_or_create_log_identity("placet.example", path)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(ConfigurationError, match="not a key file"):
        load_or_create_log_identity("placet.example", path)


def test_a_public_half_that_is_not_the_key_s_is_never_preferred_to_it(tmp_path: Path) -> None:
    one = load_or_create_log_identity("placet.example", tmp_path / "one.pem")
    two = load_or_create_log_identity("placet.example", tmp_path / "two.pem")
    (tmp_path / "one.pem.pub").write_bytes((tmp_path / "two.pem.pub").read_bytes())
    with pytest.raises(ConfigurationError, match=r"one\.pem\.pub' is not the public half of"):
        load_or_create_log_identity("placet.example", tmp_path / "one.pem")
    assert one.trusted != two.trusted
