"""Publishing a strategy on its page: what is shown is signed, and what would not count is refused before it."""

import html

import httpx
import pytest

from placet.governance.signing.canonical import digest
from placet.storage.database import Database
from tests.integration.strategies.publishing import crowded, strategy_of
from tests.support.passkeys import enrolled
from tests.support.pressing import hand_in, sign, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token

PAGE = "/console/strategies"
HEAD = {"roles": ("retention_head",), "limit": "10000.00 USD"}


def ask(http: httpx.Client, text: str, **fields: str) -> httpx.Response:
    data = {"form_token": form_token(http.get(PAGE).text), "text": text, "drafted_by": "olga", **fields}
    return http.post(f"{PAGE}/statements", data=data)


def versions(database: Database, name: str) -> list[str]:
    with database.reading() as tx:
        return [str(one.mandate.strategy) for one in tx.mandates.publishing("demo") if one.mandate.name == name]  # type: ignore[union-attr]


def test_a_checked_text_is_published_by_somebody_entitled_who_did_not_write_it(console: ConsoleUnderTest) -> None:
    hera = enrolled(console.world, console.url, "hera", **HEAD)  # type: ignore[arg-type]
    text = crowded("pub_one", "Keep <b>all</b>")
    version = digest(strategy_of(text))
    with with_token(console, "hera", "approver") as http:
        token = form_token(http.get(PAGE).text)
        checked = http.post(PAGE, data={"form_token": token, "do": "check", "text": text})
        assert "Sign and publish" in checked.text
        asked = ask(http, text.replace("\n", "\r\n"), reason="<i>autumn</i>")
        assert asked.status_code == 303, asked.text
        shown = http.get(asked.headers["location"]).text
        assert "Publish strategy pub_one?" in shown
        assert f"{version[:16]}…" in shown
        assert "no other version" in shown
        assert "Keep &lt;b&gt;all&lt;/b&gt;" in shown
        assert "&lt;i&gt;autumn&lt;/i&gt;" in shown
        assert "recharges_90d &gt; 0" in shown
        assert "<b>all" not in shown
        done = sign(http, asked.headers["location"], hera)
        assert done.headers["location"] == f"{PAGE}/{version}"
        page = http.get(done.headers["location"]).text
        assert "In force" in page
        assert "You published it: another person must start its rollout." in page
        assert "recharges_90d &gt; 0" in page
        listed = http.get(PAGE).text
        assert f'href="{PAGE}/{version}"' in listed
        assert "not rolled out; its first stage is 10 %" in listed
        mandate = page.partition("/governance/mandates/")[2].partition('"')[0]
        for place in (f"/console/governance/mandates/{mandate}", "/console/governance/mandates"):
            assert f'<a href="{PAGE}/{version}">pub_one</a>' in http.get(place).text
        # Another version says which one it replaces, and does.
        other = text.replace("holdout: 10 %", "holdout: 9 %")
        place = ask(http, other).headers["location"]
        assert f"version {version[:16]}…, signed by hera at " in http.get(place).text
        assert sign(http, place, hera).status_code == 303
        over = http.get(f"{PAGE}/{version}").text
        assert "replaced by version" in over
        assert "Start the rollout" not in over
    assert versions(console.world.database, "pub_one") == [version, digest(strategy_of(other))]


def test_what_would_not_count_is_refused_before_anybody_signs(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "hugo", **HEAD)  # type: ignore[arg-type]
    enrolled(console.world, console.url, "lea")
    text = crowded("pub_two")
    with with_token(console, "hugo", "approver") as http:
        for fields, said in (
            ({"drafted_by": "hugo"}, "may not sign mandate"),
            ({"drafted_by": ""}, "Who wrote it: write their name"),
            ({"drafted_by": "\u202ehugo"}, "malformed name"),
            ({"text": text.replace("holdout: 10 %", "holdout: 10")}, "line "),
            ({"text": text.replace("agent: retention", "agent: other")}, "unknown agent"),
        ):
            refused = ask(http, fields.pop("text", text), **fields)
            assert refused.status_code == 422, (fields, refused.text)
            assert said in html.unescape(refused.text), said
    with with_token(console, "lea", "approver") as http:
        refused = ask(http, text, reason="kept <b>")
        assert "may not sign mandate" in html.unescape(refused.text)
        assert "kept &lt;b&gt;" in refused.text
        assert "name: pub_two" in refused.text
    assert versions(console.world.database, "pub_two") == []


@pytest.mark.parametrize("role", ["operator", "auditor", "administrator"])
def test_only_who_may_deliver_is_offered_to_publish(console: ConsoleUnderTest, role: str) -> None:
    text = crowded("pub_three")
    with with_token(console, f"of-{role}", role) as http:
        token = form_token(http.get(PAGE).text)
        assert "Sign and publish" not in http.post(PAGE, data={"form_token": token, "do": "check", "text": text}).text
        assert ask(http, text).status_code == 403
    assert versions(console.world.database, "pub_three") == []


def test_a_prompt_of_another_session_or_a_form_from_elsewhere_publishes_nothing(console: ConsoleUnderTest) -> None:
    hedi = enrolled(console.world, console.url, "hedi", **HEAD)  # type: ignore[arg-type]
    enrolled(console.world, console.url, "hans", **HEAD)  # type: ignore[arg-type]
    text = crowded("pub_four")
    with with_token(console, "hedi", "approver") as http, with_token(console, "hans", "approver") as other:
        assert http.post(f"{PAGE}/statements", data={"text": text, "drafted_by": "olga"}).status_code == 403
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        data = {"form_token": form_token(http.get(PAGE).text), "text": text, "drafted_by": "olga"}
        assert http.post(f"{PAGE}/statements", data=data, headers=elsewhere).status_code == 403
        place, theirs = ask(http, text).headers["location"], ask(other, text).headers["location"]
        assert other.get(place).status_code in (404, 409)
        assert http.get(place[:-1] + ("0" if place[-1] != "0" else "1")).status_code in (404, 409)
        # An answer to another statement is none to this one.
        assert other.get(theirs).status_code == 200
        answer = hedi.asserted(b"another challenge")
        assert hand_in(http, place, answer).status_code == 422
    assert versions(console.world.database, "pub_four") == []
