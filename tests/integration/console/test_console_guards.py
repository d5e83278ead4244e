"""What the console refuses: forms of others, what roles do not permit, other tenants' things, what is too large."""

from collections.abc import Callable

import httpx
import pytest

from placet.contracts.people.access import AccessRole
from placet.interfaces.console.forms import LARGEST_PART
from placet.service.runs import build_request, record_request
from tests.integration.http.calling import OPERATOR, TOKEN
from tests.support.servers.console import ConsoleUnderTest, form_token

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
STOP = {"what": "kind:adjust_balance", "reason": "the price list is wrong", "sure": "1"}
START = {"customer_id": "C00009", "agent": "retention", "key": "a-form-of-a-test"}


def halts(console: ConsoleUnderTest) -> int:
    with console.world.database.reading() as tx:
        return len(tuple(tx.halts.list("demo", lifted=True)))


def token_of(http: httpx.Client) -> str:
    found = form_token(http.get("/console/inbox").text)
    assert found
    return found


@pytest.mark.parametrize("path", ["sign-in", "inbox", "runs/run-00000000000000000000", "nowhere", "runs?state=x"])
def test_every_answer_forbids_what_no_page_of_ours_needs(console: ConsoleUnderTest, path: str) -> None:
    with console.signed_in("olga", "operator") as http:
        answer = http.get(f"/console/{path}")
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    assert " on" + "click" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
)
def test_a_form_from_elsewhere_changes_nothing(console: ConsoleUnderTest, headers: dict[str, str]) -> None:
    before = halts(console)
    with console.signed_in("olga", "operator") as http:
        token = token_of(http)
        del http.headers["Sec-Fetch-Site"]
        sent = {name: value.format(own=console.url) for name, value in headers.items()}
        for path in ("halts", "sign-out", "sign-in", "runs", "runs/run-00000000000000000000/decisions"):
            answer = http.post(f"/console/{path}", data={"form_token": token, **STOP}, headers=sent)
            assert answer.status_code == 403, path
        http.headers["Sec-Fetch-Site"] = "same-origin"
        assert http.get("/console/inbox").status_code == 200
    assert halts(console) == before


def test_an_origin_of_ours_is_enough_where_the_browser_says_nothing_else(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        token = token_of(http)
        del http.headers["Sec-Fetch-Site"]
        answer = http.post("/console/sign-out", data={"form_token": token}, headers={"Origin": console.url})
    assert answer.status_code == 303


@pytest.mark.parametrize("given", ["", "0" * 64, "another"])
def test_a_form_needs_the_token_of_its_own_session(console: ConsoleUnderTest, given: str) -> None:
    before = halts(console)
    with console.signed_in("otto", "operator") as other:
        another = token_of(other)
    with console.signed_in("olga", "operator") as http:
        answer = http.post("/console/halts", data={"form_token": another if given == "another" else given, **STOP})
    assert answer.status_code == 403
    assert halts(console) == before


def test_a_form_after_the_session_ended_says_so_and_does_nothing(console: ConsoleUnderTest) -> None:
    before = halts(console)
    with console.client() as http:
        answer = http.post("/console/halts", data={"form_token": "x", **STOP})
    assert answer.status_code == 401
    assert "Nothing was done" in answer.text
    assert halts(console) == before


PAGES: dict[str, frozenset[AccessRole]] = {
    "inbox": frozenset({"operator", "approver", "auditor", "administrator"}),
    "runs": frozenset({"operator", "approver", "auditor", "administrator"}),
    "customers": frozenset({"operator", "approver", "auditor", "administrator"}),
    "cohorts": frozenset({"operator", "approver", "auditor", "administrator"}),
    "strategies": frozenset({"operator", "approver", "auditor", "administrator"}),
    "figures": frozenset({"operator", "approver", "auditor", "administrator"}),
    "halts": frozenset({"operator", "approver", "auditor", "administrator"}),
    "approvers": frozenset({"operator", "approver", "auditor", "administrator"}),
    "health": frozenset({"operator", "approver", "auditor", "administrator"}),
    "runs/new": frozenset({"operator"}),
    "runs/confirm?customer_id=C00009&agent=retention": frozenset({"operator"}),
}


@pytest.mark.parametrize("role", ["operator", "approver", "auditor", "administrator"])
def test_each_role_sees_what_policy_permits_and_is_told_what_it_may_not(
    console: ConsoleUnderTest, role: AccessRole
) -> None:
    with console.signed_in(f"a-{role}", role) as http:
        for path, roles in PAGES.items():
            answer = http.get(f"/console/{path}")
            assert answer.status_code == (200 if role in roles else 403), path
            if role not in roles:
                assert "You may not do this" in answer.text
                assert f"It was issued for: {role}" in answer.text
        token = token_of(http)
        wrong = {"form_token": token}
        started = http.post("/console/runs", data={**wrong, **START, "customer_id": "not an id"}).status_code
        stopped = http.post("/console/halts", data=wrong).status_code
        handed = http.post("/console/runs/run-00000000000000000000/decisions", data=wrong).status_code
    # What policy permits gets as far as its own fault.
    assert started == (422 if role == "operator" else 403)
    assert stopped == (422 if role in ("operator", "administrator") else 403)
    assert handed == (404 if role == "approver" else 403)


@pytest.mark.parametrize(
    ("role", "sees"), [("operator", False), ("approver", False), ("auditor", True), ("administrator", True)]
)
def test_what_names_files_and_addresses_is_for_those_who_read_everything(
    console: ConsoleUnderTest, role: AccessRole, sees: bool
) -> None:
    with console.signed_in(f"d-{role}", role) as http:
        page = http.get("/console/health?diagnose=1").text
    assert ("start it" in page) is sees


def test_another_tenants_things_do_not_exist_here(console: ConsoleUnderTest) -> None:
    database = console.world.database
    request = build_request(
        tenant="other",
        customer_id="C77777",
        agent="retention",
        requested_by="olga",
        key="theirs",
        agents=("retention",),
    )
    record_request(database, request)
    with console.signed_in("olga", "operator", "approver", "auditor") as http:
        shown = [http.get(f"/console/{path}").text for path in ("inbox", "runs", "customers", "health")]
        run = http.get(f"/console/runs/{request.run_id}")
        missing = http.get("/console/runs/run-00000000000000000000")
        token = token_of(http)
        handed = http.post(
            f"/console/runs/{request.run_id}/decisions", data={"form_token": token, "envelope": "{}"}
        ).status_code
        customer = http.get("/console/customers/C77777")
    assert not any("C77777" in page or request.run_id in page for page in shown)
    assert run.status_code == missing.status_code == customer.status_code == handed == 404
    # Nothing but the id that was asked for tells the two answers apart.
    assert run.text.replace(request.run_id, "RUN") == missing.text.replace("run-00000000000000000000", "RUN")


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda http, token: http.post("/console/halts", data={"form_token": token, "reason": "x" * 200_000}), 400),
        (
            lambda http, token: http.post(
                "/console/halts", data={"form_token": token, **{f"f{n}": "" for n in range(30)}}
            ),
            400,
        ),
        (
            lambda http, token: http.post("/console/halts", content=b"form_token=a&form_token=b", headers=URLENCODED),
            400,
        ),
        (lambda http, token: http.post("/console/halts", json={"form_token": token}), 403),
        (lambda http, token: http.post("/console/halts", content=b"\xff\xfe=\x00", headers=URLENCODED), 400),
        (
            lambda http, token: http.post(
                "/console/halts", content=b"x", headers={"Content-Type": "multipart/form-data"}
            ),
            400,
        ),
        (
            lambda http, token: http.post(
                "/console/halts",
                data={"form_token": token},
                files={"file": ("a", b"x" * (LARGEST_PART + 1), "application/json")},
            ),
            413,
        ),
    ],
)
def test_a_form_that_is_none_is_refused_in_plain_words(
    console: ConsoleUnderTest, send: Callable[[httpx.Client, str], httpx.Response], status: int
) -> None:
    with console.signed_in("olga", "operator") as http:
        answer = send(http, token_of(http))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"yes",
        b"{}",
        b"[" * 5000,
        b'{"payload": "", "payloadType": "x", "signatures": []}',
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_what_is_no_signed_decision_is_not_delivered(console: ConsoleUnderTest, given: bytes) -> None:
    run_id = console.world.start("C00002")
    console.world.wait(run_id, "no_action")
    with console.signed_in("anna", "approver") as http:
        answer = http.post(
            f"/console/runs/{run_id}/decisions",
            data={"form_token": token_of(http)},
            files={"file": ("decision.json", given, "application/json")},
        )
    assert answer.status_code == 422, answer.text
    assert not console.world.events(run_id, "approve.refused")


def test_a_decision_of_a_key_that_is_not_enrolled_never_reaches_its_run(console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00006")
    stranger = console.world.approver("stranger", enroll=False)
    with console.signed_in("anna", "approver") as http:
        answer = http.post(
            f"/console/runs/{run_id}/decisions",
            data={"form_token": token_of(http)},
            files={"file": ("decision.json", console.world.sign(run_id, stranger).encode(), "application/json")},
        )
    assert answer.status_code == 422
    assert "not enrolled" in answer.text
    assert not console.world.events(run_id, "approve.refused")
    assert console.world.record(run_id).state == "awaiting_decision"


def test_the_same_form_sent_twice_is_one_run_in_the_name_of_the_token(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/runs/confirm?customer_id=C00032&agent=retention").text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        form = {"form_token": form_token(page), "customer_id": "C00032", "agent": "retention", "key": key}
        places = {http.post("/console/runs", data=form).headers["location"] for _ in range(2)}
    assert len(places) == 1
    run_id = places.pop().rpartition("/")[2]
    assert console.world.record(run_id).requested_by == "olga"
    with console.world.database.reading() as tx:
        vouched = tx.audit.find("tenant/demo", f"token.vouched.{run_id}")
    assert vouched is not None
    assert vouched.body["token"] == console.tokens["olga"]


def test_a_halt_is_placed_in_the_name_of_the_token_and_lifted_by_a_command(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        token = token_of(http)
        stop = {**STOP, "what": "kind:order_product"}
        unsure = http.post("/console/halts", data={"form_token": token, **stop, "sure": ""})
        assert unsure.status_code == 422
        placed = http.post("/console/halts", data={"form_token": token, **stop})
        told = http.get(placed.headers["location"]).text
        page = http.get("/console/halts").text
    with console.world.database.reading() as tx:
        halt = next(iter(tx.halts.list("demo", lifted=False)))
    assert "It is stopped" in told
    assert "It is stopped" not in page
    assert (halt.placed_by, halt.subject) == ("olga", "order_product")
    assert f"placet resume {halt.halt_id} --as NAME" in page


def test_the_apis_own_door_is_as_it_was(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        assert http.get("/v1/runs").status_code == 401
        assert http.get("/consoles").status_code == 401
        assert http.post("/").status_code == 401
        with_token = {"Authorization": f"Bearer {TOKEN}", **OPERATOR}
        assert http.get("/v1/runs", headers=with_token).status_code == 200
    with console.client() as stranger:
        assert stranger.get("/console/inbox", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 303


def test_a_number_that_is_longer_than_any_is_no_page(console: ConsoleUnderTest) -> None:
    with console.signed_in("aud", "auditor") as http:
        for path in (f"proofs/{'9' * 5000}", f"entries/tenant/demo/{'9' * 5000}"):
            assert http.get(f"/console/audit/{path}").status_code == 404


def test_a_halt_that_is_sent_twice_is_one(console: ConsoleUnderTest) -> None:
    with console.signed_in("hal", "operator") as http:
        page = http.get("/console/halts").text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        form = {
            "form_token": form_token(page),
            "what": "kind:order_product",
            "reason": "twice",
            "sure": "1",
            "key": key,
        }
        assert [http.post("/console/halts", data=form).status_code for _ in range(2)] == [303, 303]
    with console.world.database.reading() as tx:
        assert len([one for one in tx.halts.list("demo") if one.reason == "twice"]) == 1
