"""Losing a phone: its holder withdraws its passkey and ends its sessions, and takes nothing of anybody else's away."""

import httpx
import pytest

from placet.errors import DecisionRefused
from placet.governance.signing.assertions import from_base64url
from placet.governance.signing.signed import document_statement
from placet.service.documents.keys import draft_revocation, take_revocation
from placet.service.passkeys import envelope_from_assertion, signing_options
from tests.integration.console.keys.rows import change_rows
from tests.support.authenticator import Authenticator
from tests.support.passkeys import enrolled
from tests.support.pressing import browser, sign, use_passkey, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token


def asked_to_revoke(http: httpx.Client, key_id: str, kind: str = "own") -> httpx.Response:
    data = {"form_token": form_token(http.get("/console/inbox").text), "reason": "lost"}
    return http.post(f"/console/approvers/{kind}/{key_id}/revocation", data=data)


def revoked_by(console: ConsoleUnderTest, device: Authenticator) -> str | None:
    with console.world.database.reading() as tx:
        key = tx.approvers.get(device.key_id)
    assert key is not None
    return key.revoked_by


def test_who_lost_a_phone_withdraws_its_passkey_with_another_of_theirs(console: ConsoleUnderTest) -> None:
    lost, left = (enrolled(console.world, console.url, "lilo") for _ in range(2))
    with browser(console) as phone, browser(console) as http:
        assert use_passkey(phone, lost).status_code == 303
        assert use_passkey(http, left).status_code == 303
        assert f"/console/approvers/own/{lost.key_id}/revocation" in http.get("/console/approvers").text
        place = asked_to_revoke(http, lost.key_id).headers["location"]
        assert "Revoke this key of lilo?" in http.get(place).text
        assert sign(http, place, left).status_code == 303
        assert revoked_by(console, lost) == "lilo"
        assert revoked_by(console, left) is None
        assert phone.get("/console/inbox").status_code == 303
        assert http.get("/console/inbox").status_code == 200


def test_a_passkey_withdraws_itself_and_its_session_ends(console: ConsoleUnderTest) -> None:
    only = enrolled(console.world, console.url, "lino")
    with browser(console) as http:
        assert use_passkey(http, only).status_code == 303
        assert sign(http, asked_to_revoke(http, only.key_id).headers["location"], only).status_code == 303
        assert revoked_by(console, only) == "lino"
        assert http.get("/console/inbox").status_code == 303


def test_nobody_withdraws_the_key_of_another_but_an_administrator(console: ConsoleUnderTest) -> None:
    own, others = enrolled(console.world, console.url, "luca"), enrolled(console.world, console.url, "lotte")
    with with_token(console, "luca", "approver") as http:
        assert f"/console/approvers/own/{others.key_id}" not in http.get("/console/approvers").text
        refused = asked_to_revoke(http, others.key_id)
        assert "there is no such key of yours" in refused.text
        assert asked_to_revoke(http, others.key_id, "keys").status_code == 403
    check_refused(console, others, "luca", own)


def test_a_lesser_key_of_an_administrator_does_not_take_the_administration_away(console: ConsoleUnderTest) -> None:
    roles = ("administrator", "retention_lead")
    high, low = enrolled(console.world, console.url, "ada", roles=roles), enrolled(console.world, console.url, "ada")
    with with_token(console, "ada", "approver") as http:
        page = http.get("/console/approvers").text
    assert f"/console/approvers/own/{low.key_id}/revocation" in page
    check_refused(console, high, "ada", low)


def check_refused(console: ConsoleUnderTest, key: Authenticator, by: str, device: Authenticator) -> None:
    """Check that a revocation counts for nothing that was signed outside the page."""
    world = console.world
    statement = document_statement(draft_revocation(tenant="demo", key_id=key.key_id, by=by, reason="not theirs"))
    with world.database.reading() as tx:
        signing = tx.approvers.get(device.key_id)
    assert signing is not None
    challenge = from_base64url(signing_options(statement, (signing,))["challenge"])
    envelope = envelope_from_assertion(statement, device.asserted(challenge), (signing,))
    with pytest.raises(DecisionRefused):
        take_revocation(world.database, envelope, tenant="demo")
    assert revoked_by(console, key) is None


def test_who_is_signed_in_elsewhere_sees_it_and_ends_it(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "sina")
    with browser(console) as phone, with_token(console, "sina", "operator") as http, browser(console) as other:
        assert use_passkey(phone, device).status_code == 303
        assert use_passkey(other, enrolled(console.world, console.url, "sino")).status_code == 303
        page = http.get("/console/sessions").text
        assert "2 browsers" in page
        assert page.count("Another browser</h2>") == 1
        assert http.post("/console/sessions/end", data={"form_token": "wrong"}).status_code == 403
        assert phone.get("/console/inbox").status_code == 200
        ended = http.post("/console/sessions/end", data={"form_token": form_token(page)})
        assert "1 other session ended." in ended.text
        assert "1 browser." in ended.text
        assert phone.get("/console/inbox").status_code == 303
        assert http.get("/console/inbox").status_code == 200
        assert other.get("/console/inbox").status_code == 200


def test_a_session_row_that_counts_for_nothing_is_listed_nowhere(console: ConsoleUnderTest) -> None:
    device, another = enrolled(console.world, console.url, "sepp"), enrolled(console.world, console.url, "sara")
    with browser(console) as phone, browser(console) as http:
        assert use_passkey(phone, another).status_code == 303
        assert use_passkey(http, device).status_code == 303
        given = {"sepp": device.key_id, "sara": another.key_id}
        assert change_rows(console, "UPDATE console_session SET key_id = :sepp WHERE key_id = :sara", **given)
        assert "1 browser." in http.get("/console/sessions").text
