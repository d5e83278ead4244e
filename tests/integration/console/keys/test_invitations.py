"""Becoming an approver by a link, attacked: it works once, for one name, and entitles to nothing by itself."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from placet.contracts.people.access import AccessRole
from placet.contracts.people.passkey import fingerprint
from placet.errors import UsageError
from placet.governance.signing.assertions import from_base64url
from placet.replay.files import load_trusted
from placet.service.documents.invitations import LASTS, Invitations
from tests.integration.console.keys.rows import change_rows
from tests.integration.http.calling import TOKEN
from tests.support.authenticator import Authenticator
from tests.support.databases import disarm, together
from tests.support.passkeys import a_device, at_localhost, enrolled
from tests.support.pressing import browser, sign, use_passkey, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token


@pytest.fixture(autouse=True)
def _clock_of_today(console: ConsoleUnderTest) -> None:
    console.clock.ahead = timedelta()


TERMS = {"roles": "retention_lead", "limit": "50.00 USD", "days": "30", "key": "a-form"}


def invitations(console: ConsoleUnderTest, tenant: str = "demo") -> Invitations:
    return Invitations(console.world.database, tenant, SecretStr(TOKEN), console.clock)


def invited(console: ConsoleUnderTest, name: str, tenant: str = "demo") -> str:
    """Invite somebody; returns the code."""
    return invitations(console, tenant).invite(
        name=name, roles=("retention_lead",), limit="50.00 USD", days=30, by="root", voucher=None, key=name
    )


def begun(http: httpx.Client, code: str) -> httpx.Response:
    page = http.get(f"/console/join/{code}")
    return http.post(f"/console/join/{code}/prompt", data={"form_token": form_token(page.text)})


def register(http: httpx.Client, code: str, device: Authenticator) -> httpx.Response:
    made = begun(http, code)
    assert made.status_code == 200, made.text
    return answer(http, code, made.json(), device)


def answer(http: httpx.Client, code: str, made: dict[str, object], device: Authenticator) -> httpx.Response:
    challenge = from_base64url(made["options"]["challenge"])  # type: ignore[index]
    token = form_token(http.get(f"/console/join/{code}").text) or made["token"]
    data = {"form_token": token, "prompt": made["prompt"], "answer": device.registered(challenge)}
    return http.post(f"/console/join/{code}", data=data)


def counts(console: ConsoleUnderTest, device: Authenticator) -> bool:
    with console.world.database.reading() as tx:
        return tx.approvers.get(device.key_id) is not None


def test_whoever_has_the_link_registers_and_an_administrator_signs(console: ConsoleUnderTest) -> None:
    device, root = a_device(console.url), enrolled(console.world, console.url, "rita", roles=("administrator",))
    with with_token(console, "rita", "administrator") as admin, browser(console) as http:
        page = admin.get("/console/approvers").text
        form = {"form_token": form_token(page), "name": "nina", **TERMS}
        made = admin.post("/console/approvers", data=form)
        link = made.text.partition('id="link">')[2].partition("<")[0]
        assert link.startswith(f"{at_localhost(console.url)}/console/join/")
        assert f'id="link">{link}<' in admin.post("/console/approvers", data=form).text  # a double click loses nothing
        assert "was made already" in admin.post("/console/approvers", data={**form, "days": "31"}).text
        code = link.rpartition("/")[2]
        assert register(http, code, device).status_code == 303
        assert not counts(console, device)
        assert use_passkey(http, device).status_code == 403
        waiting = http.get(f"/console/join/{code}").text
        shown = waiting.partition('class="fingerprint large">')[2].partition("<")[0]
        assert shown.replace(" ", "") == device.key_id[:20]
        listed = admin.get("/console/approvers").text
        assert shown in listed
        assert "placet keys enroll nina --public nina.json --role retention_lead" in listed
        (found,) = [one for one in invitations(console).listed() if one.terms.name == "nina"]
        place = f"/console/approvers/invitations/{found.invitation_id}"
        assert admin.get(f"{place}/request.json").json()["key_id"] == device.key_id
        signing = admin.post(f"{place}/enrolment", data={"form_token": form_token(page)})
        assert shown in admin.get(signing.headers["location"]).text
        assert (
            sign(admin, signing.headers["location"], root)
            .headers["location"]
            .startswith("/console/approvers?done=enrolled.")
        )
        assert "You are enrolled" in http.get(f"/console/join/{code}").text
        with browser(console) as stranger:
            used = stranger.get(f"/console/join/{code}").text
        assert "You are enrolled" not in used
        assert "This invitation was used" in used
        assert "call rita now" in used
        assert use_passkey(http, device).headers["location"] == "/console/inbox"
    with console.world.database.reading() as tx:
        key = tx.approvers.get(device.key_id)
        made_entry = tx.audit.find("tenant/demo", f"invitation.made.{found.invitation_id}")
    assert key is not None
    assert (key.name, key.roles, key.enrolled_by, str(key.limit)) == ("nina", ("retention_lead",), "rita", "50.00 USD")
    assert made_entry is not None
    assert made_entry.body["token"] == console.tokens["rita"]
    assert code not in str(made_entry.body)


def test_a_link_works_once(console: ConsoleUnderTest) -> None:
    code, first, second = invited(console, "once"), a_device(console.url), a_device(console.url)
    with browser(console) as http, browser(console) as other:
        late = begun(other, code).json() | {"token": form_token(other.get(f"/console/join/{code}").text)}
        assert register(http, code, first).status_code == 303
        assert begun(other, code).status_code in (403, 409)
        assert answer(other, code, late, second).status_code == 409
        # Whoever comes later sees no fingerprint to pass on: the one who took the link would be enrolled with it.
        shown = fingerprint(first.key_id)
        assert shown in http.get(f"/console/join/{code}").text
        for stranger in (other, http):
            stranger.cookies.clear()
            page = stranger.get(f"/console/join/{code}").text
            assert "somebody else had your link" in page
            assert shown not in page
    (found,) = [one for one in invitations(console).listed() if one.terms.name == "once"]
    assert found.request is not None
    assert found.request.key_id == first.key_id


def test_of_two_who_register_at_once_one_does(console: ConsoleUnderTest) -> None:
    code, devices = invited(console, "race"), [a_device(console.url) for _ in range(4)]

    def race(number: int) -> int:
        with browser(console) as http:
            made = begun(http, code)
            if made.status_code != 200:
                return made.status_code
            token = form_token(http.get(f"/console/join/{code}").text)
            return answer(http, code, made.json() | {"token": token}, devices[number]).status_code

    answers = together(4, race)
    assert answers.count(303) == 1
    assert set(answers) <= {303, 403, 409}


def test_what_is_wrong_with_a_link_is_told_nobody(console: ConsoleUnderTest) -> None:
    withdrawn, expired, altered = (invited(console, name) for name in ("gone", "old", "bent"))
    theirs = invited(console, "theirs", tenant="other")
    of_gone = next(one for one in invitations(console).listed() if one.terms.name == "gone")
    invitations(console).withdraw(of_gone.invitation_id, by="root", voucher=None)
    assert change_rows(console, "UPDATE invitation SET roles = 'administrator' WHERE name = 'bent'")
    with browser(console) as http:
        answers = [http.get(f"/console/join/{code}") for code in (withdrawn, altered, theirs, "A" * 43, "x")]
        console.clock.ahead = LASTS
        answers.append(http.get(f"/console/join/{expired}"))
    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers}) == 1


def test_a_registration_for_one_invitation_is_none_for_another(console: ConsoleUnderTest) -> None:
    mine, theirs, device = invited(console, "mine"), invited(console, "yours"), a_device(console.url)
    with browser(console) as http, browser(console) as other:
        made = begun(http, mine).json()
        assert answer(http, theirs, made, device).status_code == 404
        # What was asked of one browser is not answered by another.
        made = begun(http, mine).json()
        assert answer(other, mine, made, device).status_code == 409
    assert all(one.request is None for one in invitations(console).listed() if one.terms.name in ("mine", "yours"))


def test_who_writes_rows_changes_neither_terms_nor_passkey(console: ConsoleUnderTest) -> None:
    code, device, another = invited(console, "sealed"), a_device(console.url), a_device(console.url)
    with browser(console) as http:
        assert register(http, code, device).status_code == 303
    (found,) = [one for one in invitations(console).listed() if one.terms.name == "sealed"]
    planted = another.request("sealed").model_dump_json()
    assert change_rows(console, "UPDATE invitation SET request = :r WHERE name = 'sealed'", r=planted)
    with pytest.raises(UsageError, match="no such invitation"):
        invitations(console).enrolment_statement(found.invitation_id, by="root")
    assert "sealed" not in [one.terms.name for one in invitations(console).listed()]


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
def test_administrators_alone_invite_see_invitations_and_enroll(console: ConsoleUnderTest, role: AccessRole) -> None:
    name = f"seen-by-{role}"
    invited(console, name)
    (found,) = [one for one in invitations(console).listed() if one.terms.name == name]
    place = f"/console/approvers/invitations/{found.invitation_id}"
    with with_token(console, f"a-{role}", role) as http:
        page = http.get("/console/approvers")
        assert page.status_code == 200
        assert name not in page.text
        assert "Invite somebody" not in page.text
        form = {"form_token": form_token(page.text), "name": "x", **TERMS}
        for path in ("/console/approvers", f"{place}/enrolment", f"{place}/withdrawal"):
            assert http.post(path, data=form).status_code == 403, path
        assert http.get(f"{place}/request.json").status_code == 403
    assert name in [one.terms.name for one in invitations(console).listed()]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "worker"},
        {"name": "Not A Name"},
        {"roles": ""},
        {"roles": "UPPER"},
        {"limit": "much"},
        {"days": "0"},
        {"days": "-1"},
        {"days": "3651"},
        {"days": "²"},
    ],
)
def test_terms_that_are_none_are_one_clear_line(console: ConsoleUnderTest, wrong: dict[str, str]) -> None:
    with with_token(console, "rosa", "administrator") as http:
        page = http.get("/console/approvers").text
        answer = http.post("/console/approvers", data={"form_token": form_token(page), "name": "z", **TERMS, **wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_roles_are_chosen_as_policy_names_them_and_what_was_filled_in_is_kept(console: ConsoleUnderTest) -> None:
    with with_token(console, "rosa", "administrator") as http:
        page = http.get("/console/approvers").text
        assert 'name="role-retention_lead"' in page
        form = {"form_token": form_token(page), "name": "zoe", "limit": "much", "days": "30", "key": "a-form-2"}
        chosen = {"role-retention_lead": "1", "role-operator": "1", "role-made_up": "1"}
        refused = http.post("/console/approvers", data={**form, **chosen})
        assert refused.status_code == 422
        assert 'value="much"' in refused.text
        for role in ("retention_lead", "operator"):
            assert f'name="role-{role}" value="1" checked' in refused.text
        made = http.post("/console/approvers", data={**form, **chosen, "limit": "50.00 USD", "roles": "later_role"})
        assert made.status_code == 200
    (terms,) = [one.terms for one in invitations(console).listed() if one.terms.name == "zoe"]
    assert terms.roles == ("retention_lead", "operator", "later_role")


def test_a_row_that_was_put_back_is_no_invitation(console: ConsoleUnderTest) -> None:
    code, device = invited(console, "back"), a_device(console.url)
    (one,) = [one for one in invitations(console).listed() if one.terms.name == "back"]
    with console.world.database.reading() as tx:
        before = tx.invitations.get("demo", one.invitation_id)

    def put_back() -> None:
        assert before is not None
        with console.world.database.transaction() as tx:
            tx.invitations.end("demo", one.invitation_id)
            tx.invitations.add(before)

    with browser(console) as http:
        assert register(http, code, device).status_code == 303
        put_back()
        assert http.get(f"/console/join/{code}").status_code == 404
        assert begun(http, code).status_code == 403  # the page that says so has no form
        assert one.invitation_id not in [each.invitation_id for each in invitations(console).listed()]
    withdrawn = invited(console, "gone-for-good")
    (one,) = [one for one in invitations(console).listed() if one.terms.name == "gone-for-good"]
    with console.world.database.reading() as tx:
        before = tx.invitations.get("demo", one.invitation_id)
    invitations(console).withdraw(one.invitation_id, by="rosa", voucher=None)
    put_back()
    with browser(console) as http:
        assert http.get(f"/console/join/{withdrawn}").status_code == 404


def test_a_public_key_verifies_offline_what_it_signed(console: ConsoleUnderTest, tmp_path: Path) -> None:
    device = enrolled(console.world, console.url, "vera")
    with with_token(console, "rosa", "administrator") as http:
        given = http.get(f"/console/approvers/keys/{device.key_id}/public")
        assert http.get(f"/console/approvers/keys/{'0' * 64}/public").status_code == 404
    file = tmp_path / "vera.json"
    file.write_bytes(given.content)
    trusted = load_trusted([Path(f"vera={file}")], [])
    assert trusted.holders == {device.key_id: "vera"}
    assert trusted.passkeys == {device.key_id: device.passkey}


def test_no_public_key_is_given_under_a_name_that_nobody_signed_for(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "velma")
    disarm(console.world.settings.database, "approver_key")
    change_rows(console, "UPDATE approver_key SET name = 'vincent' WHERE key_id = :key", key=device.key_id)
    with with_token(console, "rosa", "administrator") as http:
        assert http.get(f"/console/approvers/keys/{device.key_id}/public").status_code == 404


def test_whose_key_is_revoked_is_told_as_it_was_signed_and_not_as_a_row_says(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "ralph", roles=("administrator",))
    device = enrolled(console.world, console.url, "vroni")
    disarm(console.world.settings.database, "approver_key")
    change_rows(console, "UPDATE approver_key SET name = 'viktor' WHERE key_id = :key", key=device.key_id)
    with with_token(console, "ralph", "administrator") as admin:
        form = {"form_token": form_token(admin.get("/console/approvers").text), "reason": "lost"}
        place = admin.post(f"/console/approvers/keys/{device.key_id}/revocation", data=form).headers["location"]
        page = admin.get(place).text
    assert "Revoke this key of nobody?" in page
    assert "viktor" not in page


def test_a_key_is_revoked_by_a_passkey_and_signs_nobody_in_any_more(console: ConsoleUnderTest) -> None:
    root = enrolled(console.world, console.url, "rolf", roles=("administrator",))
    device = enrolled(console.world, console.url, "nora")
    with with_token(console, "rolf", "administrator") as admin, browser(console) as http:
        assert use_passkey(http, device).status_code == 303
        assert http.get("/console/inbox").status_code == 200
        form = {"form_token": form_token(admin.get("/console/approvers").text), "reason": "lost"}
        place = admin.post(f"/console/approvers/keys/{device.key_id}/revocation", data=form).headers["location"]
        assert "Revoke this key of nora?" in admin.get(place).text
        assert sign(admin, place, root).headers["location"].startswith("/console/approvers?done=revoked.")
        assert http.get("/console/inbox").status_code == 303
        refused = use_passkey(http, device)
        assert refused.status_code == 403
        assert "was revoked" in refused.text
        unknown = admin.post(f"/console/approvers/keys/{'0' * 64}/revocation", data=form)
        assert unknown.status_code == 404


def test_an_invitation_withdrawn_while_its_enrolment_is_signed_enrolls_nobody(console: ConsoleUnderTest) -> None:
    device, root = a_device(console.url), enrolled(console.world, console.url, "rhea", roles=("administrator",))
    code = invited(console, "nils")
    with with_token(console, "rhea", "administrator") as admin, browser(console) as http:
        assert register(http, code, device).status_code == 303
        (found,) = [one for one in invitations(console).listed() if one.terms.name == "nils"]
        token = form_token(admin.get("/console/approvers").text)
        place = f"/console/approvers/invitations/{found.invitation_id}"
        signing = admin.post(f"{place}/enrolment", data={"form_token": token}).headers["location"]
        admin.get(signing)
        invitations(console).withdraw(found.invitation_id, by="root", voucher=None)
        refused = sign(admin, signing, root)
        assert "the invitation of nils was withdrawn meanwhile; nothing was enrolled" in refused.text
    assert not counts(console, device)
