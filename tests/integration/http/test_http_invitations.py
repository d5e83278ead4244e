"""Invitations over HTTP: administrators alone, once under a key, and the link is that of the console."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.contracts.people.access import AccessRole
from placet.contracts.people.passkey import EnrolmentRequest, decoded_key
from placet.entrypoints.api import beside
from placet.governance.signing.assertions import from_base64url
from placet.governance.signing.keys import Signer
from placet.interfaces.console.app import create_console
from placet.interfaces.http.app import create_app
from placet.interfaces.http.engine_link import EngineLink
from placet.interfaces.http.served import Served
from placet.service.documents.access import issue_token
from placet.service.documents.invitations import PATH, Invitations
from placet.service.documents.keys import enroll_key
from placet.storage.database import Database
from tests.integration.http.calling import OPERATOR, TOKEN, client_of, engine_at, problem, serving
from tests.integration.http.tenants import POLICIES
from tests.support.authenticator import Authenticator
from tests.support.databases import migrated, outsider, sqlite_url
from tests.support.enrolment import trusted
from tests.support.guard import GUARD
from tests.support.passkeys import at_localhost
from tests.support.servers.console import SAME, form_token

START = datetime(2026, 3, 1, tzinfo=UTC)
PLACE = "/v1/keys/invitations"
ORDER = {
    "name": "nina",
    "roles": ["retention_lead"],
    "limit": {"amount_minor": 5000, "currency": "USD"},
    "days": 30,
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path), pool_size=20) as database:
        yield database


@pytest.fixture
def root(own: Database, tmp_path: Path) -> Signer:
    return trusted(own, tmp_path)


@pytest.fixture
def url(own: Database) -> Iterator[str]:
    """The API and the console beside it, as `placet api` serves them; Temporal is not there, and nobody needs it."""
    given: dict[str, Any] = {"tenant": "demo", "agents": ("retention",)}
    app = create_app(own, engine_at("127.0.0.1:1"), token=SecretStr(TOKEN), **given)
    served = Served(own, EngineLink(engine_at("127.0.0.1:1")), "demo", ("retention",), lambda _: POLICIES, lambda _: ())
    with serving(beside(app, create_console(served, secret=SecretStr(TOKEN)))) as address:
        yield address


@pytest.fixture
def api(url: str) -> Iterator[httpx.Client]:
    with client_of(url) as client:
        yield client


def invite(api: httpx.Client, key: str | None = None, **changes: Any) -> httpx.Response:
    headers = OPERATOR if key is None else {**OPERATOR, "Idempotency-Key": key}
    return api.post(PLACE, json={**ORDER, **changes}, headers=headers)


def kinds(own: Database) -> list[str]:
    with own.reading() as tx:
        return [event.kind for event in tx.audit.read("tenant/demo") if event.kind.startswith("invitation.")]


def register(url: str, path: str) -> tuple[Authenticator, httpx.Response]:
    """Register a passkey by a link, as a browser does."""
    origin = at_localhost(url)
    device = Authenticator(rp_id="localhost", origin=origin, counter=0, enrolled_at=("localhost", origin))
    with httpx.Client(base_url=origin, headers=SAME, timeout=GUARD) as http:
        token = form_token(http.get(path).text)
        made = http.post(f"{path}/prompt", data={"form_token": token}).json()
        answer = device.registered(from_base64url(made["options"]["challenge"]))
        data = {"form_token": form_token(http.get(path).text) or made["token"], "prompt": made["prompt"]}
        return device, http.post(path, data={**data, "answer": answer})


def test_the_link_is_answered_by_the_console_and_what_was_registered_is_listed(
    api: httpx.Client, url: str, own: Database
) -> None:
    made = invite(api)
    assert made.status_code == 201, made.text
    told = made.json()
    assert told["path"].startswith(PATH)
    assert (told["terms"], told["invited_by"], told["request"]) == (ORDER, "olga.ops", None)
    (waiting,) = api.get(PLACE).json()["invitations"]
    assert waiting == {name: value for name, value in told.items() if name != "path"}
    assert told["path"].removeprefix(PATH) not in api.get(PLACE).text
    device, answer = register(url, told["path"])
    assert answer.status_code == 303, answer.text
    (registered,) = api.get(PLACE).json()["invitations"]
    assert registered["request"]["key_id"] == device.key_id
    with own.reading() as tx:
        assert tx.approvers.get(device.key_id) is None
    assert kinds(own) == ["invitation.made", "invitation.answered"]


def test_an_invitation_is_made_once_under_its_key_and_its_link_is_shown_once(url: str, own: Database) -> None:
    once = secrets.token_hex(8)

    def place(_: int) -> httpx.Response:
        with client_of(url) as client:
            return invite(client, once)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(place, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["invitation_id"] for answer in answers}) == 1
    assert [bool(answer.json()["path"]) for answer in answers if answer.status_code == 200] == [False] * 7
    assert kinds(own) == ["invitation.made"]
    with client_of(url) as api:
        for change in ({"name": "otto"}, {"roles": ["retention_head"]}, {"limit": None}, {"days": 31}):
            assert problem(invite(api, once, **change)) == (409, "idempotency_conflict")
        other = {**OPERATOR, "X-Placet-Operator": "somebody.else", "Idempotency-Key": once}
        assert problem(api.post(PLACE, json=ORDER, headers=other)) == (409, "idempotency_conflict")
        ids = {invite(api).json()["invitation_id"] for _ in range(2)}
    assert len(ids) == 2


def test_an_invitation_that_was_withdrawn_is_not_made_again_by_its_key(api: httpx.Client, own: Database) -> None:
    once = secrets.token_hex(8)
    made = invite(api, once).json()
    place = f"{PLACE}/{made['invitation_id']}/withdraw"
    withdrawn = api.post(place, headers=OPERATOR)
    assert (withdrawn.status_code, withdrawn.json()["terms"]["name"]) == (200, "nina")
    assert api.get(made["path"]).status_code == 404
    again = invite(api, once)
    assert (again.status_code, again.json()) == (200, {**made, "path": None})
    assert api.get(PLACE).json() == {"invitations": [], "next": None}
    assert problem(api.post(place, headers=OPERATOR)) == (404, "invitation_gone")
    assert kinds(own) == ["invitation.made", "invitation.withdrawn"]


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
def test_administrators_alone_invite_see_invitations_and_withdraw_them(
    api: httpx.Client, url: str, own: Database, root: Signer, role: AccessRole
) -> None:
    invitation_id = invite(api).json()["invitation_id"]

    def as_one(held: AccessRole) -> tuple[httpx.Client, str]:
        issued = issue_token(own, tenant="demo", name=f"a-{held}", roles=(held,), days=1, by=root)
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {issued.text}"}, timeout=GUARD)
        return client, issued.grant.token_id

    theirs, _ = as_one(role)
    with theirs:
        assert problem(theirs.get(PLACE)) == (403, "forbidden")
        assert problem(theirs.post(PLACE, json=ORDER)) == (403, "forbidden")
        assert problem(theirs.post(f"{PLACE}/{invitation_id}/withdraw")) == (403, "forbidden")
    assert kinds(own) == ["invitation.made"]
    admin, token_id = as_one("administrator")
    with admin:
        assert [one["invitation_id"] for one in admin.get(PLACE).json()["invitations"]] == [invitation_id]
        mine = admin.post(PLACE, json=ORDER).json()
        assert mine["invited_by"] == "a-administrator"
        assert admin.post(f"{PLACE}/{invitation_id}/withdraw").status_code == 200
    with own.reading() as tx:
        made = tx.audit.find("tenant/demo", f"invitation.made.{mine['invitation_id']}")
        ended = tx.audit.find("tenant/demo", f"invitation.withdrawn.{invitation_id}")
    assert made is not None
    assert ended is not None
    assert (made.body["token"], ended.body["token"], ended.actor) == (token_id, token_id, "a-administrator")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "worker"},
        {"name": "Not A Name"},
        {"roles": []},
        {"roles": ["UPPER"]},
        {"limit": "50.00 USD"},
        {"limit": {"amount_minor": -1, "currency": "USD"}},
        {"days": 0},
        {"days": "30"},
        {"days": 3651},
        {"code": "mine"},
    ],
)
def test_terms_that_are_none_are_refused_in_one_line(api: httpx.Client, own: Database, wrong: dict[str, Any]) -> None:
    assert problem(invite(api, **wrong)) == (422, "malformed")
    assert kinds(own) == []


def test_what_is_enrolled_already_is_not_withdrawn_but_revoked(
    api: httpx.Client, url: str, own: Database, root: Signer
) -> None:
    made = invite(api).json()
    register(url, made["path"])
    (waiting,) = api.get(PLACE).json()["invitations"]
    request = EnrolmentRequest.model_validate(waiting["request"])
    key, given = decoded_key(request.public_key), {"roles": ("retention_lead",), "limit": "50.00 USD"}
    who: dict[str, Any] = {"name": "nina", "tenant": "demo", "by": root, "expires_at": None, **given}
    enroll_key(own, **who, public_key=key, passkey=request.passkey)
    assert api.get(PLACE).json()["invitations"] == []
    answer = api.post(f"{PLACE}/{made['invitation_id']}/withdraw", headers=OPERATOR)
    assert problem(answer) == (409, "key_already_enrolled")
    assert "revoke the key" in answer.json()["detail"]


def test_the_list_goes_on_behind_invitations_that_do_not_hold(database_url: str) -> None:
    """More rows than a page has stand before those that wait, and are left out of the page, not counted into it."""
    times = count()
    with Database(database_url) as database:
        invitations = Invitations(database, "demo", SecretStr(TOKEN), lambda: START + timedelta(minutes=next(times)))
        given: dict[str, Any] = {"roles": ("retention_lead",), "limit": "", "days": 3, "by": "root", "voucher": None}
        for name in ("first", "second", *(f"bent{number}" for number in range(5)), "third"):
            invitations.invite(name=name, key=name, **given)
        with outsider(database_url) as sql:
            sql("UPDATE invitation SET roles = 'administrator' WHERE name LIKE 'bent%'")
        page = invitations.listed(limit=2)
        assert [one.terms.name for one in page] == ["third", "second"]
        assert [one.terms.name for one in invitations.listed(after=page[-1].invitation_id, limit=2)] == ["first"]
