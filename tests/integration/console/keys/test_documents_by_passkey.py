"""Lifting halts, delegating, mandates and batches by passkey: what is shown is signed, and refused before it where it
would not count."""

import json
import re
import secrets

import httpx
import pytest

from placet.contracts.text import counted
from placet.governance.signing import dsse
from placet.governance.signing.signed import document_statement
from placet.interfaces.console.pages.signing import batches
from placet.interfaces.console.sessions import digest_of_id
from placet.service.documents.halts import place_halt
from placet.service.documents.mandates import find_mandate
from tests.integration.console.keys.rows import change_rows
from tests.support.authenticator import Authenticator
from tests.support.passkeys import enrolled
from tests.support.pressing import challenge_at, hand_in, sign, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token

OWN = secrets.token_hex(4)
"""Of this process: all of them share one Temporal, where a run's id follows from its key."""
HEAD = ("retention_head",)
DRAFT = {
    "name": "spring-credits",
    "agent": "retention",
    "kind": "adjust_balance",
    "treatment": "goodwill_credit",
    "cap": "20.00 USD",
    "period_days": "30",
    "budget": "500.00 USD",
    "days": "30",
    "cohort": "tenure_months ge 12",
}


def post(
    http: httpx.Client, page: str, path: str, fields: dict[str, str], content: bytes | None = None
) -> httpx.Response:
    data = {"form_token": form_token(http.get(page).text), **fields}
    return http.post(path, data=data, files=None if content is None else {"file": ("draft", content)})


def halted(console: ConsoleUnderTest, by: str = "olga") -> str:
    asked = {"scope": "kind", "subject": "order_product", "by": by, "reason": "the list is <b>wrong</b>"}
    halt, _ = place_halt(console.world.database, tenant="demo", agents=("retention",), **asked)  # type: ignore[arg-type]
    return halt.halt_id


def lifted_by(console: ConsoleUnderTest, halt_id: str) -> str | None:
    with console.world.database.reading() as tx:
        halt = tx.halts.get(halt_id)
    assert halt is not None
    return halt.lifted_by


def test_a_halt_is_lifted_by_somebody_entitled_who_did_not_place_it(console: ConsoleUnderTest) -> None:
    world = console.world
    head, lead = enrolled(world, console.url, "hugo", roles=HEAD), enrolled(world, console.url, "lea")
    halt_id = halted(console)
    with with_token(console, "lea", "approver") as http:
        refused = post(http, "/console/halts", f"/console/halts/{halt_id}/lift", {"reason": "mended"})
        assert refused.status_code == 422
        assert "may not lift" in refused.text
        assert 'value="mended"' in refused.text
    assert lead.credential_id
    with with_token(console, "hugo", "approver") as http:
        place = post(http, "/console/halts", f"/console/halts/{halt_id}/lift", {"reason": "mended"}).headers["location"]
        page = http.get(place).text
        assert "Let it go on?" in page
        assert "orders of products" in page
        assert "What the halt refused or ended does not: it must be decided again." in page
        assert "the list is &lt;b&gt;wrong&lt;/b&gt;" in page
        assert sign(http, place, head).status_code == 303
        again = post(http, "/console/halts?which=all", f"/console/halts/{halt_id}/lift", {"reason": "mended"})
        assert again.status_code == 422
        assert "was lifted by hugo" in again.text
    assert lifted_by(console, halt_id) == "hugo"


def test_who_placed_a_halt_is_told_before_the_signature_that_another_lifts_it(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "hanno", roles=HEAD)
    halt_id = halted(console, by="hanno")
    with with_token(console, "hanno", "approver") as http:
        refused = post(http, "/console/halts", f"/console/halts/{halt_id}/lift", {"reason": "mended"})
    assert refused.status_code == 422
    assert "may not lift" in refused.text
    assert lifted_by(console, halt_id) is None
    head = enrolled(console.world, console.url, "hedi", roles=HEAD)
    with with_token(console, "hedi", "approver") as http:
        place = post(http, "/console/halts", f"/console/halts/{halt_id}/lift", {"reason": "mended"}).headers["location"]
        assert sign(http, place, head).status_code == 303


def test_a_halt_that_was_lifted_is_not_said_to_stop_anything_when_its_form_is_sent_again(
    console: ConsoleUnderTest,
) -> None:
    head = enrolled(console.world, console.url, "hilde", roles=HEAD)
    form = {"what": "kind:order_product", "reason": "sent twice", "sure": "1", "key": secrets.token_hex(8)}
    with with_token(console, "olga", "operator") as http:
        assert post(http, "/console/halts", "/console/halts", form).status_code == 303
    with console.world.database.reading() as tx:
        (halt,) = [one for one in tx.halts.list("demo") if one.reason == "sent twice"]
    with with_token(console, "hilde", "approver") as http:
        place = post(http, "/console/halts", f"/console/halts/{halt.halt_id}/lift", {"reason": "mended"})
        assert sign(http, place.headers["location"], head).status_code == 303
    with with_token(console, "olga", "operator") as http:
        again = post(http, "/console/halts", "/console/halts", form)
        assert again.status_code == 422
        assert "was lifted since" in again.text
        anew = again.text.partition('name="key" value="')[2].partition('"')[0]
        assert post(http, "/console/halts", "/console/halts", {**form, "key": anew}).status_code == 303
    with console.world.database.reading() as tx:
        (halt,) = [one for one in tx.halts.list("demo") if one.reason == "sent twice"]
    with with_token(console, "hilde", "approver") as http:
        place = post(http, "/console/halts", f"/console/halts/{halt.halt_id}/lift", {"reason": "mended"})
        assert sign(http, place.headers["location"], head).status_code == 303


def test_an_approver_lets_another_decide_and_no_more_than_they_may_themselves(console: ConsoleUnderTest) -> None:
    world = console.world
    lena = enrolled(world, console.url, "lena", limit="100.00 USD")
    enrolled(world, console.url, "otto", roles=("finance",), limit="5.00 USD")
    page = "/console/governance/delegations"
    good = {"delegate": "otto", "role-retention_lead": "1", "limit": "50.00 USD", "days": "7", "reason": "leave"}
    with with_token(console, "lena", "approver") as http:
        for field, value, why in (
            ("limit", "500.00 USD", "is beyond that of"),
            ("role-retention_lead", "", "tick at least one"),
            ("delegate", "nobody", "nobody is enrolled as"),
            ("delegate", "lena", "cannot delegate to themselves"),
            ("days", "9999", "a whole number from 1 to 366"),
            ("days", "-1", "a whole number from 1 to 366"),
            ("limit", "much", "write it like"),
        ):
            refused = post(http, page, page, {**good, field: value})
            assert refused.status_code == 422, value
            assert why in refused.text, value
            assert 'value="leave"' in refused.text
        place = post(http, page, page, good).headers["location"]
        shown = http.get(place).text
        assert "otto may decide as retention lead in your stead" in shown
        assert "50.00 USD each" in shown
        assert "<summary>Sign by a command instead" in http.get(page).text
        assert sign(http, place, lena).headers["location"] == page
    with world.database.reading() as tx:
        (record,) = [one for one in tx.delegations.list("demo") if one.delegation.signer == "lena"]
    assert (record.delegation.delegate, str(record.delegation.limit)) == ("otto", "50.00 USD")


def drafted(http: httpx.Client, **changes: str) -> httpx.Response:
    page = "/console/governance/mandates"
    return post(http, page, f"{page}/drafts", {**DRAFT, **changes})


def test_one_person_drafts_a_mandate_and_another_signs_it(console: ConsoleUnderTest) -> None:
    world, page = console.world, "/console/governance/mandates"
    hera = enrolled(world, console.url, "hera", roles=HEAD, limit="9000.00 USD")
    enrolled(world, console.url, "hans", roles=HEAD, limit="9000.00 USD")
    with with_token(console, "hans", "approver") as http:
        for field, value, why in (
            ("budget", "much", "write it like"),
            ("treatment", "unheard_of", "has no treatment"),
            ("treatment", "plan_change", "of retention is of the kind “Orders of products”, not “Credits and debits”."),
            ("cohort", "tenure", "write a fact"),
            ("cohort", "shoe_size ge 40", "shoe_size"),
            ("cohort", f"tenure_months ge {'9' * 5000}", "is too large"),
            ("cohort", f"tenure_months ge {'9' * 16}", "is too large"),
            ("days", "0", "a whole number from 1 to 366"),
            ("days", "367", "a whole number from 1 to 366"),
            ("agent", "nobody", "There is no agent"),
        ):
            refused = drafted(http, **{field: value})
            assert refused.status_code == 422, value
            assert why in refused.text, value
            assert 'value="spring-credits"' in refused.text
        made = drafted(http)
        assert made.headers["content-type"] == "application/json"
        own = post(http, page, page, {}, made.content)
        assert own.status_code == 422
        assert "may not sign mandate" in own.text
    with with_token(console, "hera", "approver") as http:
        for content in (
            b"",
            b"\xff\xfe",
            b"{",
            b"name = 'x'",
            b"[" * 9000,
            made.content.replace(b'"demo"', b'"other"'),
            made.content.replace(b'"value": 12', b'"value": ' + b"9" * 20),
            made.content.replace(b'"value": 12', b'"value": ' + b"9" * 5000),
        ):
            assert post(http, page, page, {}, content).status_code == 422, content[:20]
        place = post(http, page, page, {"reason": "spring"}, made.content).headers["location"]
        shown = http.get(place).text
        assert "may give goodwill credit to tenure months at least 12" in shown
        assert "500.00 USD in all" in shown
        signed = sign(http, place, hera)
        assert signed.status_code == 303
        own_page = http.get(signed.headers["location"])
        assert own_page.status_code == 200
        assert "<dt>Kinds of change</dt><dd>Credits and debits</dd>" in own_page.text
        assert "Clears credits and debits: goodwill credit of retention for " in http.get(page).text
        again = post(http, page, page, {}, made.content)
        assert "in force already" in again.text
    with world.database.reading() as tx:
        record = find_mandate(tx, "demo", signed.headers["location"].rpartition("/")[2])
        text = tx.artifacts.get(record.document, tenant="demo").decode()
    assert (record.mandate.signer, record.mandate.drafted_by, record.mandate.reason) == ("hera", "hans", "spring")
    assert dsse.verify(dsse.parse(text), hera.public_key, hera.passkey) == document_statement(record.mandate)


def chosen(console: ConsoleUnderTest, *customers: str) -> list[str]:
    return [console.world.pending(customer, key=f"{OWN}-{secrets.token_hex(4)}") for customer in customers]


def asked(http: httpx.Client, run_ids: list[str], verdict: str = "approve", **fields: str) -> httpx.Response:
    page = http.get("/console/batches/new", params={"verdict": verdict, "run": run_ids}).text
    members = page.partition('name="members" value="')[2].partition('"')[0]
    data = {"form_token": form_token(page), "verdict": verdict, "members": members, "reason": "an outage", **fields}
    return http.post("/console/batches/statements", data=data)


@pytest.fixture
def bert(console: ConsoleUnderTest) -> Authenticator:
    return enrolled(console.world, console.url, "bert")


def test_one_passkey_signature_decides_many_and_each_run_can_prove_it(
    console: ConsoleUnderTest, bert: Authenticator
) -> None:
    world, runs = console.world, chosen(console, "C00005", "C00006", "C00009")
    with with_token(console, "bert", "approver") as http:
        place = asked(http, runs).headers["location"]
        page = http.get(place).text
        assert "Approve 3 proposals?" in page
        for run_id in runs:
            assert run_id in page
            assert str(world.proposal(run_id).cost) in page
        outcome = sign(http, place, bert)
        assert outcome.headers["location"].startswith("/console/batches/")
        assert hand_in(http, place, "{}").status_code == 409
        assert http.get(outcome.headers["location"]).status_code == 200
        for none in ("statements", "0" * 64):
            assert http.get(f"/console/batches/{none}").status_code == 404
        for run_id in runs:
            world.wait(run_id, "executed")
    for run_id in runs:
        (decided,) = world.events(run_id, "approve.decided")
        assert (decided.actor, decided.body["verdict"], decided.body["reason"]) == ("bert", "approve", "an outage")


def test_what_may_not_be_decided_by_this_person_is_left_out_and_said(console: ConsoleUnderTest) -> None:
    world = console.world
    waiting = chosen(console, "C00005", "C00006", "C00009", "C00032")
    *runs, dearest = sorted(waiting, key=lambda one: world.proposal(one).cost.amount_minor)
    limit = world.proposal(dearest).cost.amount_minor - 1
    runs = [one for one in runs if world.proposal(one).cost.amount_minor <= limit]
    bodo = enrolled(world, console.url, "bodo", limit=f"{limit / 100:.2f} USD")
    with with_token(console, "bodo", "approver") as http:
        place = asked(http, [*runs, dearest], "reject").headers["location"]
        page = http.get(place).text
        assert f"Reject {counted(len(runs), 'proposal')}?" in page
        customer = world.proposal(dearest).customer_id
        assert re.search(rf"Left out: [^:<]+ for {customer}, [^:<]+: bodo may not decide this", page)
        assert sign(http, place, bodo).status_code == 303
        none = asked(http, [dearest, runs[0]], "reject")
        assert none.status_code == 422
        assert "nothing was signed" in none.text
    for run_id in runs:
        world.wait(run_id, "rejected")
    assert not world.events(dearest, "approve.decided")


def test_members_that_are_not_those_looked_at_are_never_signed(console: ConsoleUnderTest, bert: Authenticator) -> None:
    world, runs = console.world, chosen(console, "C00005", "C00006", "C00009")
    with with_token(console, "bert", "approver") as http:
        stale = asked(http, runs, members=" ".join(f"{one}:{'0' * 64}" for one in runs))
        assert stale.status_code == 422
        assert "was changed after you opened the page" in stale.text
        for members in ("", "nothing", f"{runs[0]}", f"{runs[0]}:", "x:" + "0" * 64, " ".join(["a:b"] * 500)):
            assert asked(http, runs, members=members).status_code in (404, 422), members[:20]
        assert asked(http, runs, "amend").status_code == 422
        # Who writes rows puts another run among the members: the seal, and the root, say no.
        place = asked(http, runs[:2]).headers["location"]
        challenge = challenge_at(http, place)
        subject = json.dumps({"members": [[one, str(world.record(one).proposal)] for one in runs], "left": []})
        name = digest_of_id(place.rpartition("/")[2])
        change_rows(
            console,
            "UPDATE console_prompt SET subject = :subject WHERE prompt_sha256 = :name",
            subject=subject,
            name=name,
        )
        assert http.get(place).status_code == 409
        assert hand_in(http, place, bert.asserted(challenge)).status_code == 409
        # What was decided meanwhile by another is not taken back, and holds up nothing else.
        place = asked(http, runs).headers["location"]
        world.send(runs[0], world.sign(runs[0], world.approver("cleo"), "reject"))
        world.wait(runs[0], "rejected")
        assert sign(http, place, bert).status_code == 303
    world.wait(runs[1], "executed")
    world.wait(runs[2], "executed")
    assert world.record(runs[0]).state == "rejected"


def test_what_changes_between_the_look_and_the_statement_is_never_asked_for(
    console: ConsoleUnderTest, bert: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = chosen(console, "C00005", "C00006")
    monkeypatch.setattr(batches, "_left_out", lambda *_: False)  # each was as it had been looked at, a moment ago
    with with_token(console, "bert", "approver") as http:
        stale = asked(http, runs, members=f"{runs[0]}:{console.world.record(runs[0]).proposal} {runs[1]}:{'0' * 64}")
    assert bert.credential_id
    assert stale.status_code == 409
    assert "changed this very moment" in stale.text


@pytest.mark.parametrize(
    "path", ["halts/halt-x/lift", "governance/delegations", "governance/mandates", "batches/statements"]
)
def test_who_may_not_deliver_or_has_no_passkey_is_asked_for_nothing(console: ConsoleUnderTest, path: str) -> None:
    with with_token(console, "olga", "operator") as http:
        data = {"form_token": form_token(http.get("/console/inbox").text)}
        assert http.post(f"/console/{path}", data=data).status_code == 403
        http.headers["Sec-Fetch-Site"] = "cross-site"
        assert http.post(f"/console/{path}", data=data).status_code == 403
    with with_token(console, "nopasskey", "approver") as http:
        data = {"form_token": form_token(http.get("/console/inbox").text)}
        assert http.post(f"/console/{path}", data=data).status_code in (404, 422)
        assert "<summary>Sign by a command instead" not in http.get("/console/governance/delegations").text
