"""Passkeys on the command line: enrolled from a request, listed, shown, revoked, and never asked to sign there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.contracts.people.passkey import EnrolmentRequest
from placet.files import SETUP_CODE_FILE
from placet.replay.files import load_trusted
from placet.service.documents.first_administrator import SetupCode
from tests.e2e.test_halt_cli import Installation
from tests.support.authenticator import ORIGIN, RP_ID, Authenticator
from tests.support.databases import disarm, outsider

IN_CONSOLE = (
    "placet: the key of 'anna' is a passkey, which signs in the console; the command line signs with key files alone"
)

DELEGATE = ("delegation", "sign", "--role", "retention_lead", "--limit", "1.00 USD", "--days", "1")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    made.enroll("berta", "retention_lead")
    yield made
    made.database.close()


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    return written(tmp_path, Authenticator().request("anna"))


def written(folder: Path, request: EnrolmentRequest) -> Path:
    file = folder / f"{request.key_id[:8]}.json"
    file.write_text(request.model_dump_json())
    return file


def enroll(installation: Installation, file: Path, name: str = "anna", code: int = 0) -> str:
    words = ("--public", str(file), "--role", "retention_lead", "--limit", "200.00 USD", "--as", "root")
    return installation.placet("keys", "enroll", name, *words, code=code)


def test_a_passkey_is_enrolled_listed_shown_and_revoked(installation: Installation, request_file: Path) -> None:
    request = EnrolmentRequest.model_validate_json(request_file.read_text())
    assert enroll(installation, request_file) == (
        f"a passkey of {RP_ID}, for pages at {ORIGIN} alone\nanna  key {request.key_id[:16]} enrolled by root\n"
    )
    listed = json.loads(installation.placet("keys", "list", "--json"))
    assert {one["name"]: one["kind"] for one in listed} == {"anna": "passkey", "berta": "ed25519", "root": "ed25519"}
    assert {one["name"]: "passkey" in one for one in listed} == {"anna": True, "berta": False, "root": False}
    (row,) = [line for line in installation.placet("keys", "list").splitlines() if "anna" in line]
    assert row.split()[:3] == ["anna", request.key_id[:16], "passkey"]

    shown = installation.placet("keys", "show", request.key_id[:10]).splitlines()
    assert {"kind: passkey", "algorithm: ES256", f"used on: {ORIGIN}", f"relying party: {RP_ID}"} <= set(shown)
    assert json.loads(installation.placet("keys", "show", request.key_id, "--json")) == listed[0]
    said = installation.placet("keys", "show", "f" * 64, code=1)
    assert said == f"placet: 0 keys of tenant 'demo' begin with '{'f' * 64}'; see `placet keys list`"

    installation.placet("keys", "revoke", "anna", "--as", "root", "--reason", "lost")
    assert "state: revoked" in installation.placet("keys", "show", request.key_id)
    (entry,) = installation.record("key.enrolled")[2:]
    assert entry.body["passkey"] == request.passkey.model_dump(mode="json")
    assert all("passkey" not in one.body for one in installation.record("key.enrolled")[:2])
    installation.placet("audit", "verify")


def test_a_public_key_is_written_for_a_replay_unless_nobody_signed_for_its_name(
    installation: Installation, request_file: Path, tmp_path: Path
) -> None:
    enroll(installation, request_file)
    request, file = EnrolmentRequest.model_validate_json(request_file.read_text()), tmp_path / "given.json"
    installation.placet("keys", "show", request.key_id, "--public", str(file))
    trusted = load_trusted([Path(f"anna={file}")], [])
    assert (trusted.holders, trusted.passkeys) == ({request.key_id: "anna"}, {request.key_id: request.passkey})
    berta = next(one for one in json.loads(installation.placet("keys", "list", "--json")) if one["name"] == "berta")
    installation.placet("keys", "show", berta["key_id"], "--public", str(file))
    assert file.read_text() == (tmp_path / "keys" / "berta.pem.pub").read_text()
    file.unlink()
    url = f"sqlite:///{tmp_path / 'placet.db'}"
    disarm(url, "approver_key")
    with outsider(url) as shell:
        shell("UPDATE approver_key SET name = 'berta' WHERE name = 'anna'")
    said = installation.placet("keys", "show", request.key_id, "--public", str(file), code=1)
    assert said.startswith(f"placet: the enrolment of key {request.key_id[:16]} does not verify: ")
    assert not file.exists()


def test_a_passkey_signs_nothing_on_the_command_line(installation: Installation, request_file: Path) -> None:
    enroll(installation, request_file)
    run = "run-" + "0" * 20
    for words in (
        ("approve", run, "--as", "anna"),
        ("reject", run, "--as", "anna"),
        ("keys", "revoke", "berta", "--as", "anna"),
        (
            "delegation",
            "sign",
            "--to",
            "berta",
            "--role",
            "retention_lead",
            "--limit",
            "1.00 USD",
            "--days",
            "1",
            "--as",
            "anna",
        ),
        ("approve", run, "--as", "anna", "--key-file", str(request_file)),
    ):
        assert installation.placet(*words, code=1) == IN_CONSOLE, words


def test_who_has_a_key_file_beside_a_passkey_signs_with_that(installation: Installation, tmp_path: Path) -> None:
    enroll(installation, written(tmp_path, Authenticator().request("berta")), "berta")
    installation.placet(*DELEGATE, "--to", "root", "--as", "berta")


def test_another_persons_request_is_not_enrolled(installation: Installation, request_file: Path) -> None:
    said = enroll(installation, request_file, "cora", code=1)
    assert said == f"placet: {str(request_file)!r} is the enrolment request of 'anna', not of 'cora'"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a passkey's enrolment request: Expecting property name"),
        ("{}", "not a passkey's enrolment request: name"),
        ('{"name":"anna","name":"anna"}', "a name stands twice in one object"),
        ("[]", "is not a base64 Ed25519 public key"),
    ],
)
def test_a_file_that_is_no_request_is_one_clear_line(
    installation: Installation, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)
    assert words in enroll(installation, file, code=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_id": "0" * 64}, "is not the SHA-256 of public_key"),
        ({"public_key": "AAAA"}, "is not the canonical COSE_Key"),
        ({"kind": "ed25519"}, "kind 'ed25519'"),
        ({"passkey.rp_id": "127.0.0.1"}, "passkey.rp_id"),
        ({"passkey.origins": ["https://elsewhere.example"]}, "is not on a host of rp_id"),
        ({"passkey.origins": ["https://placet.example/"]}, "is not an origin"),
        ({"passkey.algorithm": -257}, "passkey.algorithm"),
        ({"passkey.algorithm": -8}, "is not the canonical COSE_Key"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(
    installation: Installation, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    request = Authenticator().request("anna").model_dump(mode="json")
    for place, value in change.items():
        *room, name = place.split(".")
        (request["passkey"] if room else request)[name] = value
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request))
    assert words in enroll(installation, file, code=1)


def test_a_code_for_the_console_is_printed_while_nobody_is_pinned(installation: Installation, tmp_path: Path) -> None:
    said = installation.placet("keys", "setup-code", code=1)
    assert "somebody is pinned as administrator of 'demo' already" in said
    (tmp_path / "administrators").unlink()
    code = installation.placet("keys", "setup-code").splitlines()[0].rpartition(" ")[2]
    assert SetupCode(tmp_path / SETUP_CODE_FILE, "demo").check(code)
