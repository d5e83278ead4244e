"""What the console keeps, on both databases: asked once, answered once, found by what only its holder knows."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from placet.errors import DecisionRefused, StorageError, UsageError
from placet.interfaces.console.prompts import LASTS, Prompts
from placet.interfaces.console.sessions import Sessions
from placet.service.documents.invitations import KEPT, Invitation, Invitations
from placet.service.documents.keys import enroll_key
from placet.service.sign_in import key_that_signs_in, new_random, sign_in_challenge
from placet.storage.database import Database
from tests.support.authenticator import Authenticator
from tests.support.databases import together
from tests.support.enrolment import trusted

SECRET = SecretStr("the installation's own token")
SESSION = "s" * 43


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def device(database: Database, tmp_path: Path) -> Authenticator:
    """Of anna, whose credential id has characters that a pattern would take for something."""
    device = Authenticator(counter=0)
    device.credential_id = b"\xff\xff\xff" + device.credential_id[3:]
    root = trusted(database, tmp_path)
    terms = {"roles": ("retention_lead",), "limit": None, "expires_at": datetime.now(UTC) + timedelta(days=1)}
    for name, one in {"anna": device, "berta": Authenticator()}.items():
        enroll_key(database, name=name, tenant="demo", public_key=one.public_key, by=root, passkey=one.passkey, **terms)  # type: ignore[arg-type]
    return device


def test_a_prompt_is_taken_once_however_many_try(database: Database, clock: Clock) -> None:
    prompts = Prompts(database, "demo", SECRET, clock)
    name = prompts.ask(SESSION, "sign", "what", b"statement")
    assert prompts.look(SESSION, name, "sign").asked == b"statement"

    def take(_: int) -> bool:
        try:
            return prompts.take(SESSION, name, "sign").subject == "what"
        except UsageError:
            return False

    assert sorted(together(6, take)) == [False] * 5 + [True]


def test_a_prompt_is_of_one_session_purpose_tenant_secret_and_time(database: Database, clock: Clock) -> None:
    prompts = Prompts(database, "demo", SECRET, clock)
    name = prompts.ask(SESSION, "sign", "", b"x")
    others = (Prompts(database, "other", SECRET, clock), Prompts(database, "demo", SecretStr("another secret"), clock))
    for asked, session, purpose in (
        (prompts, "t" * 43, "sign"),
        (prompts, None, "sign"),
        (prompts, SESSION, "setup"),
        *((one, SESSION, "sign") for one in others),
    ):
        with pytest.raises(UsageError, match="answered already"):
            asked.look(session, name, purpose)  # type: ignore[arg-type]
    clock.now += LASTS
    with pytest.raises(UsageError, match="answered already"):
        prompts.take(SESSION, name, "sign")


def test_a_session_has_so_many_open_and_those_that_expired_are_forgotten(database: Database, clock: Clock) -> None:
    prompts = Prompts(database, "demo", SECRET, clock)
    for _ in range(20):
        prompts.ask(SESSION, "sign", "", b"x")
    with pytest.raises(UsageError, match="too many"):
        prompts.ask(SESSION, "sign", "", b"x")
    prompts.ask("t" * 43, "sign", "", b"x")
    clock.now += LASTS
    assert prompts.look(SESSION, prompts.ask(SESSION, "sign", "", b"y"), "sign").asked == b"y"


def test_an_invitation_is_answered_once_however_many_try(database: Database, clock: Clock, tmp_path: Path) -> None:
    trusted(database, tmp_path)
    invitations = Invitations(database, "demo", SECRET, clock)
    terms = {"roles": ("retention_lead",), "limit": "5.00 USD", "days": 3, "by": "root", "voucher": None, "key": "k"}
    code = invitations.invite(name="anna", **terms)  # type: ignore[arg-type]
    assert invitations.invite(name="anna", **terms) == code  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="made already"):
        invitations.invite(name="berta", **terms)  # type: ignore[arg-type]

    def answer(_: int) -> bool:
        try:
            invitations.answer(code, Authenticator().request("anna"))
        except UsageError:
            return False
        return True

    assert sorted(together(6, answer)) == [False] * 5 + [True]
    with pytest.raises(UsageError, match="made already"):
        invitations.invite(name="anna", **terms)  # type: ignore[arg-type]
    (found,) = invitations.listed()
    assert found.request is not None
    assert str(found.terms.limit) == "5.00 USD"
    clock.now += KEPT + timedelta(seconds=1)
    invitations.invite(name="berta", **{**terms, "key": "another"})  # type: ignore[arg-type]
    assert [one.terms.name for one in invitations.listed()] == ["berta"]


def test_who_enrolls_while_an_invitation_is_withdrawn_is_not_said_to_be_withdrawn(
    database: Database, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, invitations, device = (
        trusted(database, tmp_path),
        Invitations(database, "demo", SECRET, clock),
        Authenticator(),
    )
    terms: dict[str, Any] = {"roles": ("retention_lead",), "limit": "", "days": 3, "by": "root", "voucher": None}
    invitations.answer(invitations.invite(name="anna", key="k", **terms), device.request("anna"))
    (waits,) = invitations.listed()
    look = invitations.get

    def enrolled_after_the_look(invitation_id: str) -> Invitation:
        found = look(invitation_id)
        enrolment: dict[str, Any] = {"roles": ("retention_lead",), "limit": None, "expires_at": None, "by": root}
        given: dict[str, Any] = {
            "name": "anna",
            "tenant": "demo",
            "public_key": device.public_key,
            "passkey": device.passkey,
        }
        enroll_key(database, **given, **enrolment)
        return found

    monkeypatch.setattr(invitations, "get", enrolled_after_the_look)
    with pytest.raises(UsageError, match="is enrolled already") as refused:
        invitations.withdraw(waits.invitation_id, by="root", voucher=None)
    assert refused.value.code == "key_already_enrolled"
    assert look(waits.invitation_id).enrolled


def test_an_assertion_that_signs_nobody_in_waits_for_no_writer(
    database: Database, device: Authenticator, clock: Clock
) -> None:
    answer, random = device.asserted(sign_in_challenge("demo", new_random())), new_random()
    with ThreadPoolExecutor(1) as pool, database.transaction():
        tried = pool.submit(key_that_signs_in, database, "demo", answer, random, clock())
        assert isinstance(tried.exception(timeout=4), DecisionRefused)


def test_of_one_answer_that_comes_several_times_at_once_one_signs_in(
    database: Database, device: Authenticator, clock: Clock
) -> None:
    random = new_random()
    answer = device.asserted(sign_in_challenge("demo", random))

    def sign_in(_: int) -> bool:
        try:
            key_that_signs_in(database, "demo", answer, random, clock())
        except (DecisionRefused, StorageError):
            return False
        return True

    assert sorted(together(6, sign_in)) == [False] * 5 + [True]


def test_a_passkey_signs_in_and_its_session_rests_on_it(
    database: Database, device: Authenticator, clock: Clock
) -> None:
    random = new_random()
    answer = device.asserted(sign_in_challenge("demo", random))
    key = key_that_signs_in(database, "demo", answer, random, clock())
    assert key.name == "anna"
    with pytest.raises(DecisionRefused, match="used already"):
        key_that_signs_in(database, "demo", answer, random, clock())
    for tenant, given in (("other", random), ("demo", new_random())):
        with pytest.raises(DecisionRefused):
            key_that_signs_in(database, tenant, answer, given, clock())
    sessions = Sessions(database, "demo", SECRET, clock)
    visitor = sessions.visitor(sessions.begin(key))
    assert visitor is not None
    assert (visitor.name, visitor.roles, visitor.by_passkey) == ("anna", ("approver",), True)
    with database.reading() as tx:
        assert tx.approvers.by_credential("demo", key.passkey.credential_id if key.passkey else "") == (key,)
        assert tx.approvers.by_credential("other", key.passkey.credential_id if key.passkey else "") == ()
        assert tx.approvers.by_credential("demo", "%") == ()
        assert tx.approvers.by_credential("demo", "_" * 43) == ()
