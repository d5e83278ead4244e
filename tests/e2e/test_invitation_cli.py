"""`placet keys invite|invitations|withdraw-invitation`, as a person types it."""

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from placet.errors import UsageError
from placet.service.documents.invitations import Invitations
from tests.e2e.test_halt_cli import Installation
from tests.support.authenticator import Authenticator

TOKEN = "a-token-of-more-than-sixteen"
ADDRESS = "https://placet.operator.example"
SET: dict[str, Any] = {"PLACET_API_TOKEN": TOKEN, "PLACET_CONSOLE_URL": ADDRESS}
INVITE = ("keys", "invite", "nina", "--role", "retention_lead", "--limit", "50.00 USD", "--days", "30", "--by", "rita")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def invitations(installation: Installation) -> Invitations:
    return Invitations(installation.database, "demo", SecretStr(TOKEN), lambda: datetime.now(UTC))


def a_device() -> Authenticator:
    host = ADDRESS.removeprefix("https://")
    return Authenticator(rp_id=host, origin=ADDRESS, counter=0, enrolled_at=(host, ADDRESS))


def test_who_is_invited_registers_and_is_enrolled_by_the_command_that_the_list_shows(
    installation: Installation, invitations: Invitations, tmp_path: Path
) -> None:
    installation.placet("keys", "new", "root")
    installation.placet("keys", "bootstrap", "root")
    link = installation.placet(*INVITE, **SET).strip()
    code = link.removeprefix(f"{ADDRESS}/console/join/")
    assert invitations.of_code(code).terms.name == "nina"
    listed = installation.placet("keys", "invitations", **SET)
    assert "nina as retention lead, who may decide up to 50.00 USD, for 30 days; invited" in listed
    assert code not in listed
    device = a_device()
    invitations.answer(code, device.request("nina"))
    listed = installation.placet("keys", "invitations", **SET)
    (one,) = json.loads(installation.placet("keys", "invitations", "--json", **SET))
    assert one["request"]["key_id"] == device.key_id
    assert device.key_id[:4] in listed.partition("fingerprint ")[2].splitlines()[0]
    request = installation.placet("keys", "invitations", "--request", one["invitation_id"][:6], **SET)
    file = tmp_path / "nina.json"
    file.write_text(request)
    words = shlex.split(listed.partition(" && placet ")[2].replace("nina.json", str(file)))
    assert words[-2:] == ["--as", "ADMINISTRATOR"]
    installation.placet(*words[:-1], "root", **SET)
    with installation.database.reading() as tx:
        key = tx.approvers.get(device.key_id)
    assert key is not None
    assert (key.name, key.roles, str(key.limit)) == ("nina", ("retention_lead",), "50.00 USD")
    assert installation.placet("keys", "invitations", **SET).strip() == "nobody is invited"
    (made,) = installation.record("invitation.made")
    assert (made.actor, made.body["name"]) == ("rita", "nina")


def test_an_invitation_is_withdrawn_and_its_link_leads_nowhere(
    installation: Installation, invitations: Invitations
) -> None:
    told = json.loads(installation.placet(*INVITE, "--json", **SET))
    said = installation.placet("keys", "withdraw-invitation", told["invitation_id"][:8], "--by", "otto", **SET)
    assert said.startswith(f"{told['invitation_id']}  withdrawn: nina as retention lead")
    with pytest.raises(UsageError, match="holds no longer"):
        invitations.of_code(told["url"].rpartition("/")[2])
    (ended,) = installation.record("invitation.withdrawn")
    assert ended.actor == "otto"
    assert installation.placet("keys", "invitations", **SET).strip() == "nobody is invited"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("invite", "Not A Name", "--role", "r"), "malformed", 1),
        (("invite", "worker", "--role", "r"), "names a part of the system", 1),
        (("invite", "nina", "--role", "UPPER"), "malformed", 1),
        (("invite", "nina"), "Missing option '--role'", 2),
        (("invite", "nina", "--role", "r", "--limit", "much"), "--limit", 2),
        (("invite", "nina", "--role", "r", "--limit", "-1.00 USD"), "below zero", 2),
        (("invite", "nina", "--role", "r", "--days", "0"), "--days", 2),
        (("invite", "nina", "--role", "r", "--by", "Not A Name"), "malformed name", 1),
        (("withdraw-invitation", "abcd"), "begin with 'abcd'", 1),
        (("withdraw-invitation", ""), "begin with ''", 1),
        (("invitations", "--request", "abcd"), "begin with 'abcd'", 1),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    installation: Installation, words: tuple[str, ...], said: str, code: int
) -> None:
    assert said in installation.placet("keys", *words, code=code, **SET)
    with installation.database.reading() as tx:
        assert not tx.audit.read("tenant/demo")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104
def test_on_this_machine_the_link_is_one_at_which_browsers_have_passkeys(installation: Installation, host: str) -> None:
    link = installation.placet(*INVITE, PLACET_API_TOKEN=TOKEN, PLACET_API_HOST=host, PLACET_API_PORT="8620")
    assert link.startswith("http://localhost:8620/console/join/")


def test_without_the_installations_token_there_is_nothing_to_seal_with(installation: Installation) -> None:
    assert "set PLACET_API_TOKEN" in installation.placet(*INVITE, code=1)
