"""Every list over HTTP comes in pages that nothing added meanwhile moves, and none says anything of another tenant."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.contracts.audit import AuditEvent
from placet.contracts.people.decision import AcceptedDecision
from placet.governance.log.bundle import ProofBundle, verify_bundle
from placet.governance.signing.keys import public_bytes
from placet.interfaces.http.app import create_app
from placet.service.documents.access import issue_token
from placet.service.documents.keys import enroll_key
from placet.service.keeping.log import signed_head
from placet.service.runs import run_id_for
from placet.storage.database import Database
from placet.storage.log.tree import LogHead, LogTree
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving
from tests.integration.http.tenants import POLICIES, Tenant
from tests.support.enrolment import trusted
from tests.support.logs import identity


@pytest.fixture
def own(database_url: str) -> Iterator[Database]:
    with Database(database_url, pool_size=20) as database:
        yield database


@pytest.fixture
def demo(own: Database, tmp_path: Path) -> Tenant:
    return Tenant(own, "demo", trusted(own, tmp_path))


@pytest.fixture
def rival(own: Database, demo: Tenant, tmp_path: Path) -> Tenant:
    return Tenant(own, "rival", trusted(own, tmp_path, tenant="rival"))


@pytest.fixture
def http(own: Database) -> Iterator[httpx.Client]:
    app = create_app(
        own,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        policies=lambda agent: POLICIES,
        facts=declared_facts,
    )
    with serving(app) as url, client_of(url) as client:
        yield client


def _mandate(one: dict[str, Any]) -> Any:
    return one["record"]["mandate"]["document_id"]


LISTS: list[tuple[str, str, Callable[[dict[str, Any]], Any], int]] = [
    ("/v1/runs", "runs", lambda one: one["run_id"], 5),
    ("/v1/runs?state=awaiting_decision", "runs", lambda one: one["run_id"], 5),
    ("/v1/inbox", "waiting", lambda one: one["run"]["run_id"], 5),
    ("/v1/inbox?order=largest", "waiting", lambda one: one["run"]["run_id"], 5),
    ("/v1/customers", "customers", lambda one: one["customer_id"], 2),
    ("/v1/customers/C0/decisions", "decided", lambda one: one["proposed"]["run"]["run_id"], 3),
    ("/v1/mandates", "mandates", _mandate, 5),
    ("/v1/mandates?agent=retention", "mandates", _mandate, 5),
    ("/v1/delegations", "delegations", lambda one: one["delegation"]["document_id"], 5),
    ("/v1/halts", "halts", lambda one: one["halt_id"], 4),
    ("/v1/halts?which=all", "halts", lambda one: one["halt_id"], 5),
    ("/v1/keys", "keys", lambda one: one["key_id"], 6),
    ("/v1/keys?name=ada", "keys", lambda one: one["key_id"], 1),
    ("/v1/keys/invitations", "invitations", lambda one: one["invitation_id"], 5),
    ("/v1/approvers", "approvers", lambda one: one["name"], 6),
    ("/v1/tokens", "tokens", lambda one: one["token_id"], 5),
    ("/v1/notifications", "notifications", lambda one: one["run_id"], 5),
    ("/v1/record", "entries", lambda one: one["position"], 37),
    ("/v1/record/tenant", "entries", lambda one: one["seq"], 32),
]


def follow(
    http: httpx.Client, path: str, field: str, limit: int, between: Iterable[Callable[[], None]] = ()
) -> list[dict[str, Any]]:
    """Read a list to its end; after each page do what comes next of `between`."""
    found: list[dict[str, Any]] = []
    wanted: dict[str, Any] = {"limit": limit}
    acts = iter(between)
    while True:
        answer = http.get(path, params={**httpx.URL(path).params, **wanted})
        assert answer.status_code == 200, (path, answer.text)
        page = answer.json()
        assert len(page[field]) <= limit
        found += page[field]
        if page["next"] is None:
            return found
        assert len(page[field]) == limit
        wanted["after"] = page["next"]
        for act in islice(acts, 1):
            act()


def test_the_pages_of_every_list_hold_together_and_hold_nothing_of_another_tenant(
    http: httpx.Client, demo: Tenant, rival: Tenant
) -> None:
    for path, field, name, size in LISTS:
        whole = http.get(path, params={**httpx.URL(path).params, "limit": 1000}).json()
        names = [name(one) for one in whole[field]]
        assert (len(set(names)), len(names), whole["next"]) == (size, size, None), path
        for limit in (1, 2, size):
            assert follow(http, path, field, limit) == whole[field], (path, limit)
        assert "rival" not in str(whole), path


def test_what_is_added_meanwhile_is_neither_repeated_nor_pushes_anything_out(http: httpx.Client, demo: Tenant) -> None:
    numbers = count(100)

    def add() -> None:
        number = next(numbers)
        demo.enroll(f"aa{number}")
        demo.place_halt("one more")
        issue_token(demo.database, tenant="demo", name="late", roles=("operator",), days=9, by=demo.root)
        demo.invite(f"late{number}")
        demo.wait(number)

    for path, field, name, _ in LISTS:
        whole = http.get(path, params={**httpx.URL(path).params, "limit": 1000}).json()[field]
        before = [name(one) for one in whole]
        after = [name(one) for one in follow(http, path, field, 2, repeat(add, 2))]
        assert [one for one in after if one in set(before)] == before, path


def test_a_cursor_of_another_tenant_is_as_unknown_as_one_that_nobody_made(
    http: httpx.Client, own: Database, demo: Tenant, rival: Tenant
) -> None:
    app = create_app(own, engine_at("127.0.0.1:1"), tenant="rival", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as theirs:
        paths = [path for path, *_ in LISTS if "?" not in path and "record" not in path]
        cursors = {path: str(theirs.get(path, params={"limit": 1}).json()["next"]) for path in paths}
    for path, cursor in cursors.items():
        if path in ("/v1/customers", "/v1/approvers"):  # by name: whatever is named, what follows it follows
            continue
        made_up = cursor[:-4] + ("0000" if cursor[-4:] != "0000" else "1111")
        answers = [http.get(path, params={"after": after}) for after in (cursor, made_up)]
        assert [problem(answer) for answer in answers] == [(422, "unknown_cursor")] * 2, path
        theirs_here, nobodys = (answer.json()["detail"] for answer in answers)
        assert theirs_here.replace(cursor, "") == nobodys.replace(made_up, "") or path == "/v1/notifications"
        assert "rival" not in theirs_here


def test_a_page_is_bounded(http: httpx.Client) -> None:
    for path, *_ in LISTS:
        for limit in ("0", "1001", "-1", "many"):
            answer = http.get(path, params={**httpx.URL(path).params, "limit": limit})
            assert problem(answer) == (422, "malformed"), answer.text


def test_what_was_decided_about_a_customer_is_told_with_who_decided_it(
    http: httpx.Client, own: Database, demo: Tenant, rival: Tenant
) -> None:
    newest, *older = [
        one["proposed"]["run"]["run_id"] for one in http.get("/v1/customers/C0/decisions").json()["decided"]
    ]
    accepted = AcceptedDecision(
        verdict="approve",
        approver="ada",
        key_id=demo.people["ada"].key.key_id,
        decision_id="1" * 32,
        decided_at=datetime.now(UTC),
        reason="called twice",
        proposal="2" * 64,
        roles=("retention_head",),
        envelope_digest="3" * 64,
    )
    with own.transaction() as tx:
        assert tx.decisions.use(accepted, tenant="demo", run_id=newest, place=1)
        # A row that says another tenant's: it is not shown, whatever run it names.
        forged = accepted.model_copy(update={"decision_id": "4" * 32, "key_id": "5" * 64})
        assert tx.decisions.use(forged, tenant="rival", run_id=older[0], place=1)
    decided = http.get("/v1/customers/C0/decisions").json()["decided"]
    assert [AcceptedDecision.model_validate(one) for one in decided[0]["decisions"]] == [accepted]
    assert [one["decisions"] for one in decided[1:]] == [[], []]
    told = decided[0]["proposed"]
    assert (told["treatment"], told["mutation_kind"], told["cost"]["amount_minor"]) == (
        "goodwill_credit",
        "adjust_balance",
        1000,
    )
    assert problem(http.get("/v1/customers/C9/decisions")) == (404, "unknown_customer")


def test_runs_are_searched_by_what_is_known_of_them(http: httpx.Client, demo: Tenant, rival: Tenant) -> None:
    runs = http.get("/v1/runs").json()["runs"]

    def found(**wanted: str) -> list[str]:
        answer = http.get("/v1/runs", params=wanted)
        assert answer.status_code == 200, answer.text
        return [run["key"] for run in answer.json()["runs"]]

    assert found(key="k3") == ["k3"]
    assert found(run_id=runs[0]["run_id"][:10]) == found(run_id=runs[0]["run_id"]) == ["k4"]
    assert found(since=runs[1]["requested_at"], until=runs[0]["requested_at"]) == ["k3"]
    assert found(agent="retention", customer_id="C1", requested_by="olga", state="awaiting_decision") == ["k3", "k1"]
    assert found(agent="advance") == found(state="executed") == []
    theirs = run_id_for("rival", "k3")
    assert found(run_id=theirs) == found(run_id=theirs[:8]) == []
    for wrong in (
        {"until": "0.5"},
        {"since": "2026-01-01"},
        {"since": "2026-01-01T00:00:00"},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"run_id": "run-abc"},
    ):
        assert problem(http.get("/v1/runs", params=wrong)) == (422, "malformed")


def test_a_position_counts_the_tenants_own_entries_and_no_others(
    http: httpx.Client, own: Database, demo: Tenant, rival: Tenant, tmp_path: Path
) -> None:
    # Entries of two tenants in turns: the database's own numbers would tell of each other's.
    for number in range(3):
        demo.place_halt(f"a{number}")
        rival.place_halt(f"b{number}")
    with own.reading() as tx:
        entries = [event for _, event in tx.audit.tail("demo", 0, 1000)]
    numbered = [
        (one["position"], AuditEvent.model_validate(one["entry"])) for one in follow(http, "/v1/record", "entries", 7)
    ]
    assert numbered == list(enumerate(entries, 1))
    who = identity(tmp_path)
    signed_head(own, who, "demo")
    assert [one["position"] for one in follow(http, "/v1/record", "entries", 5)] == list(range(1, len(entries) + 1))
    demo.place_halt("newer than the log")
    rival.place_halt("theirs")
    after = http.get("/v1/record", params={"after": len(entries) - 1}).json()["entries"]
    assert [one["position"] for one in after] == [len(entries), len(entries) + 1]
    for position in (1, len(entries)):
        bundle = ProofBundle.model_validate(http.get("/v1/record/proof", params={"position": position}).json())
        verify_bundle(bundle, who.verifiers("demo"))
        assert (bundle.entries[0].entry, bundle.entries[0].index) == (entries[position - 1], position - 1)
    assert problem(http.get("/v1/record/proof", params={"position": len(entries) + 1})) == (404, "not_covered")
    for position in (len(entries) + 2, 10**12):
        assert problem(http.get("/v1/record/proof", params={"position": position})) == (404, "unknown_entry")
        assert http.get("/v1/record", params={"after": position}).json() == {"entries": [], "next": None}


def test_an_entry_that_is_put_into_the_log_while_a_page_is_read_is_not_listed_twice(
    http: httpx.Client, own: Database, demo: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_head(own, identity(tmp_path), "demo")
    demo.place_halt("waits to be put into the log")
    whole, head_of = http.get("/v1/record", params={"limit": 1000}).json(), LogTree.head

    def head(tree: LogTree, tenant: str) -> LogHead:
        found = head_of(tree, tenant)
        monkeypatch.undo()
        signed_head(own, identity(tmp_path), "demo")  # an integrator comes between two statements of the page
        return found

    monkeypatch.setattr(LogTree, "head", head)
    assert http.get("/v1/record", params={"limit": 1000}).json() == whole


def test_a_key_of_another_tenant_says_nothing_of_its_holder(own: Database, demo: Tenant, rival: Tenant) -> None:
    with pytest.raises(Exception, match="is enrolled elsewhere; make a new key pair") as refused:
        enroll_key(
            own,
            name="spy",
            tenant="demo",
            roles=("care_agent",),
            limit=None,
            public_key=public_bytes(rival.people["eve"].key.private.public_key()),
            by=demo.root,
            expires_at=None,
        )
    assert "rival" not in str(refused.value)
    assert "eve" not in str(refused.value)
