"""Tokens and identities issued in the browser: an administrator's passkey signs, and the token is kept nowhere."""

import re

import httpx
import pytest
from sqlalchemy import select

from placet.governance.access.tokens import new_token
from placet.interfaces.console.pages.signing import grants
from placet.service.documents.access import holder_of, list_tokens
from placet.storage.tables import CONSOLE_PROMPT
from tests.support.passkeys import enrolled
from tests.support.pressing import hand_in, sign, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token

PAGE = "/console/tokens"
GOOD = {"name": "crm", "role-operator": "1", "days": "30", "reason": "the CRM starts runs"}


def post(http: httpx.Client, fields: dict[str, str], path: str = PAGE) -> httpx.Response:
    return http.post(path, data={"form_token": form_token(http.get(PAGE).text), **fields})


def test_an_administrator_issues_a_token_that_is_shown_once_and_revokes_it(console: ConsoleUnderTest) -> None:
    world, root = console.world, enrolled(console.world, console.url, "ruth", roles=("administrator",))
    with with_token(console, "ruth", "administrator") as http:
        place = post(http, GOOD).headers["location"]
        page = http.get(place).text
        assert "Let crm in?" in page
        assert "placet_" not in page
        with world.database.reading() as tx:
            rows = tx.connection.execute(select(CONSOLE_PROMPT)).mappings().all()
        shown = sign(http, place, root)
        assert shown.status_code == 200
        found = re.search(r'id="token">(placet_[0-9a-f]{16}_[\w-]{43})<', shown.text)
        assert found is not None
        text = found[1]
        assert not any(text[24:] in str(row) for row in rows)
        assert text not in http.get(PAGE).text
        assert hand_in(http, place, "{}").status_code == 409
        grant = holder_of(world.database, "demo", text, console.clock())
        assert grant is not None
        assert (grant.name, grant.roles, grant.signer) == ("crm", ("operator",), "ruth")
        revoke = f"{PAGE}/{grant.token_id}/revocation"
        assert post(http, {"reason": "x"}, revoke).status_code == 422
        assert post(http, {"reason": "over", "sure": "1"}, revoke).status_code == 303
        assert holder_of(world.database, "demo", text, console.clock()) is None
    (known,) = [one for one in list_tokens(world.database, "demo") if one.token_id == grant.token_id]
    assert known.revoked_by == "ruth"


def test_a_token_that_is_not_the_one_that_is_signed_for_leaves_no_grant(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = enrolled(console.world, console.url, "rena", roles=("administrator",))
    with with_token(console, "rena", "administrator") as http:
        place = post(http, {**GOOD, "name": "nobodys"}).headers["location"]
        monkeypatch.setattr(grants, "_token", lambda *_: new_token())
        assert sign(http, place, root).status_code == 422
    assert [one.name for one in list_tokens(console.world.database, "demo") if one.name == "nobodys"] == []


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("name", "Not A Name", "name"),
        ("name", "worker", "name"),
        ("days", "0", "a whole number from 1 to 366"),
        ("days", "400", "a whole number from 1 to 366"),
        ("role-operator", "", "tick at least one role"),
        ("subject", "17", "No identity provider"),
    ],
)
def test_terms_that_are_none_are_one_clear_line_and_nothing_is_lost(
    console: ConsoleUnderTest, field: str, value: str, why: str
) -> None:
    enrolled(console.world, console.url, "ralf", roles=("administrator",))
    with with_token(console, "ralf", "administrator") as http:
        refused = post(http, {**GOOD, field: value})
    assert refused.status_code == 422
    assert why in refused.text
    assert 'value="the CRM starts runs"' in refused.text


def test_who_is_no_administrator_sees_issues_and_revokes_none(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "nele")
    for role in ("operator", "approver"):
        with with_token(console, "nele", role) as http:
            assert http.get(PAGE).status_code == 403
            data = {"form_token": form_token(http.get("/console/inbox").text), **GOOD}
            for path in (PAGE, f"{PAGE}/{'0' * 16}/revocation"):
                assert http.post(path, data=data).status_code == 403
    # An administrator's token with a passkey that is no administrator's: it is said before anything is signed.
    with with_token(console, "nele", "administrator") as http:
        refused = post(http, GOOD)
    assert refused.status_code == 422
    assert "Only an administrator" in refused.text
