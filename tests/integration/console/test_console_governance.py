"""The pages of governance and of the record over a plain server: what they say, and to whom."""

import json
import re
from html import unescape
from typing import Any

import httpx
import pytest

from placet.contracts.people.access import AccessRole
from placet.entrypoints.processes.process import await_condition
from placet.governance.log.bundle import parse_bundle, verify_bundle
from placet.governance.log.checkpoints import open_checkpoint
from placet.governance.log.key import load_or_create_log_identity
from placet.service.deciding.batch_choice import parse_limits, prepare_batch
from placet.service.deciding.batches import sign_prepared
from placet.service.documents.delegations import sign_delegation, take_delegation
from placet.service.keeping.log import record_anchoring, signed_head
from tests.security.gate.mandates.mandating import mandated
from tests.support.databases import disarm, outsider
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, form_token

ALL: frozenset[AccessRole] = frozenset({"operator", "approver", "auditor", "administrator"})
READS_ALL: frozenset[AccessRole] = frozenset({"auditor", "administrator"})
PAGES: dict[str, frozenset[AccessRole]] = {
    "governance": ALL,
    "governance/policies": ALL,
    "governance/what-if": ALL,
    "governance/what-if?treatment=goodwill_credit&cost=5.00+USD": ALL,
    "governance/mandates": ALL,
    "governance/delegations": ALL,
    "governance/reversals": ALL,
    "governance/reversals/new?run_id={executed}": frozenset({"operator"}),
    "governance/notifications": ALL,
    "governance/oversight": READS_ALL,
    "audit": READS_ALL,
    "audit?kind=control.seeded": READS_ALL,
    "audit/verification": READS_ALL,
    "audit/verification?verify=1": READS_ALL,
    "audit/entries/{executed}/1": READS_ALL,
    "audit/proofs/1": READS_ALL,
    "audit/replays/{executed}": READS_ALL,
    "batches/new?verdict=approve": frozenset({"approver"}),
    "batches/0": frozenset({"approver"}),
    "inbox/live?seen=": ALL,
}


@pytest.fixture(scope="module")
def executed(console: ConsoleUnderTest) -> str:
    world = console.world
    run_id = world.pending("C00005")
    world.approve(run_id, world.approver("anna"))
    identity = load_or_create_log_identity(world.settings.log_name, world.settings.log_key, world.settings.home / "log")
    signed_head(world.database, identity, "demo")
    return run_id


def settled(http: httpx.Client, path: str) -> httpx.Response:
    """Ask for a page until its long work is done."""
    found: list[httpx.Response] = []

    def done() -> bool:
        found.append(http.get(path))
        return "by itself" not in found[-1].text

    await_condition(done, seconds=GUARD, what="the work being done")
    return found[-1]


@pytest.mark.parametrize("role", ["operator", "approver", "auditor", "administrator"])
def test_each_role_sees_what_policy_permits(console: ConsoleUnderTest, executed: str, role: AccessRole) -> None:
    with console.signed_in(f"g-{role}", role) as http:
        for path, roles in PAGES.items():
            answer = http.get(f"/console/{path.format(executed=executed)}", follow_redirects=path == "governance")
            allowed = {"batches/0": 404, "batches/new?verdict=approve": 422}.get(path, 200)
            assert answer.status_code == (allowed if role in roles else 403), path
        token = form_token(http.get("/console/inbox").text)
        posted = {
            "batches": ("approver",),
            "governance/mandates/00000000/revoke": ("approver", "administrator"),
            "governance/delegations/00000000/revoke": ("approver", "administrator"),
            "governance/reversals": ("operator",),
        }
        for path, able in posted.items():
            answer = http.post(f"/console/{path}", data={"form_token": token, "run_id": "run-00000000000000000000"})
            assert (answer.status_code == 403) is (role not in able), path
        shown = http.get("/console/inbox").text
    assert ("/console/audit" in shown) is (role in READS_ALL)


def test_a_stranger_is_led_to_the_sign_in_page(console: ConsoleUnderTest) -> None:
    with console.client() as http:
        for path in PAGES:
            answer = http.get(f"/console/{path.format(executed='run-00000000000000000000')}")
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/console/sign-in?next="), path


def test_the_policies_in_force_are_told_in_words(console: ConsoleUnderTest) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/governance/policies").text
    assert "What an agent may put before people" in page
    assert "Forbids" in page
    assert "person holding retention lead must approve" in page


def test_a_case_is_answered_in_sentences_and_starts_nothing(console: ConsoleUnderTest, executed: str) -> None:
    before = len(console.world.events(executed))
    with console.signed_in("olga", "operator") as http:

        def ask(**values: str) -> httpx.Response:
            return http.get("/console/governance/what-if", params={"agent": "retention", **values})

        small = ask(treatment="goodwill_credit", cost="5.00 USD")
        none = ask(treatment="never_heard_of", cost="999999.00 USD")
        own = ask(treatment="goodwill_credit", cost="5.00 USD", requested_by="anna")
        wrong = ask(treatment="goodwill_credit", cost="five")
    assert "Who must sign" in small.text
    assert "retention lead must approve" in small.text
    assert "Nothing is started" in small.text
    assert none.status_code == 200
    assert "may not" in own.text
    assert wrong.status_code == 422
    assert "write it like" in wrong.text
    assert len(console.world.events(executed)) == before


def test_one_altered_mandate_hides_no_other_and_is_said_plainly(console: ConsoleUnderTest) -> None:
    world = console.world
    hanna = world.approver("hanna", roles=("retention_head",), limit="9000.00 USD")
    good, bad = (mandated(world, hanna, name=name) for name in ("kept", "altered"))
    disarm(world.settings.database, "mandate")
    with outsider(world.settings.database) as shell:
        shell('UPDATE mandate SET budget_minor = 9999999 WHERE mandate LIKE \'%"name":"altered"%\'')
    with console.signed_in("olga", "operator", "approver") as http:
        listed = http.get("/console/governance/mandates")
        shown = http.get(f"/console/governance/mandates/{good.mandate.document_id}")
        broken = http.get(f"/console/governance/mandates/{bad.mandate.document_id}")
        token = form_token(shown.text)
        path = f"/console/governance/mandates/{good.mandate.document_id}/revoke"
        unsure = http.post(path, data={"form_token": token, "reason": "<b>why</b> \u202e"})
        revoked = http.post(path, data={"form_token": token, "reason": "<b>why</b> \u202e", "sure": "1"})
        after = http.get(revoked.headers["location"]).text
    assert listed.status_code == 200
    assert "does not verify, and clears nothing" in listed.text
    assert f"/governance/mandates/{good.mandate.document_id}" in listed.text
    assert "<meter" in shown.text
    assert broken.status_code in (403, 409, 422, 500, 503)
    assert unsure.status_code == 422
    assert "&lt;b&gt;why&lt;/b&gt; «U+202E»" in after
    assert 'by <span class="person">olga</span>' in after


def test_a_delegation_is_listed_and_withdrawn(console: ConsoleUnderTest) -> None:
    world = console.world
    dora, emil = world.approver("dora"), world.approver("emil")
    signed = sign_delegation(
        tenant="demo", delegator="dora", delegate=emil.name, roles=("retention_lead",), limit="50.00 USD", days=3,
        reason="leave <script>alert(1)</script>", key=dora.key,
    )  # fmt: skip
    record = take_delegation(world.database, signed, tenant="demo")
    with console.signed_in("dora", "approver") as http:
        page = http.get("/console/governance/delegations").text
        data = {"form_token": form_token(page), "sure": "1", "reason": "back"}
        answer = http.post(f"/console/governance/delegations/{record.delegation.document_id}/revoke", data=data)
        after = http.get(answer.headers["location"]).text
    assert "In force" in page
    assert "<script>alert" not in page
    assert "leave &lt;script&gt;" in page
    assert "Revoked" in after


def test_a_reversal_is_asked_for_once_and_is_a_run_of_its_own(console: ConsoleUnderTest, executed: str) -> None:
    with console.signed_in("olga", "operator") as http:
        assert f"/governance/reversals/new?run_id={executed}" in http.get(f"/console/runs/{executed}").text
        page = http.get(f"/console/governance/reversals/new?run_id={executed}").text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        form = {"form_token": form_token(page), "run_id": executed, "key": key}
        unsaid = http.post("/console/governance/reversals", data=form)
        places = {
            http.post("/console/governance/reversals", data={**form, "reason": "a mistake"}).headers["location"]
            for _ in range(2)
        }
        listed = http.get("/console/governance/reversals").text
        other = http.get("/console/governance/reversals/new?run_id=run-00000000000000000000")
        again = http.get(f"/console/governance/reversals/new?run_id={executed}").text
        waiting = console.world.pending("C00007", key="no-reversal")
        not_yet = http.get(f"/console/governance/reversals/new?run_id={waiting}").text
    assert unsaid.status_code == 422
    assert len(places) == 1
    assert "is being reversed by" in again
    assert "is awaiting decision; only what a run executed can be taken back" in not_yet
    assert "It did this" not in not_yet
    assert "Ask for the reversal" not in again + not_yet
    reversal = places.pop().rpartition("/")[2]
    assert console.world.record(reversal).reverses == executed
    assert reversal in listed
    assert other.status_code == 404


def test_a_run_that_was_taken_back_says_so_on_every_page(console: ConsoleUnderTest) -> None:
    world = console.world
    run_id, bert = world.pending("C00009"), world.approver("bert")
    world.approve(run_id, bert)
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/governance/reversals/new?run_id={run_id}").text
        form = {"form_token": form_token(page), "run_id": run_id, "key": page.partition('name="key" value="')[2][:24]}
        form |= {"reason": "a mistake"}
        reversal = http.post("/console/governance/reversals", data=form).headers["location"].rpartition("/")[2]
        world.wait(reversal, "awaiting_decision")
        places = ("runs", f"runs/{run_id}", "customers/C00009", f"governance/reversals/new?run_id={run_id}")
        assert not any("then reversed" in http.get(f"/console/{place}").text for place in places)
        world.approve(reversal, bert)
        for place in places:
            assert "Executed, then reversed" in http.get(f"/console/{place}").text, place
        customer = http.get("/console/customers/C00009").text
        assert "Given and taken back" in customer
        assert customer.partition("Given and taken back")[2].partition("</ul>")[0].count(run_id) == 2
        assert f"/console/runs/{reversal}" in customer.partition("Given and taken back")[2].partition("</ul>")[0]
        assert "then reversed" not in http.get(f"/console/runs/{reversal}").text
        assert "Take it back" not in http.get(f"/console/runs/{run_id}").text


def test_the_log_is_looked_through_newest_first_page_by_page(console: ConsoleUnderTest, executed: str) -> None:
    for number in range(30):  # more than a page of entries, whatever ran before
        console.token(f"person-{number}", "auditor")
    with console.signed_in("otto", "auditor") as http:
        first = http.get("/console/audit")
        following = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = http.get(following)
        of_run = http.get(f"/console/audit?run_id={executed}&kind=approve.decided")
        nothing = http.get("/console/audit?kind=record.restored")
        wrong = [http.get(f"/console/audit?{query}") for query in ("kind=no", "run_id=x", "stream=tenant/other")]
        lost = http.get("/console/audit?after=run-x:1")
    assert first.status_code == second.status_code == of_run.status_code == 200
    assert "run-" not in following.partition("after=")[0]
    assert "Nothing more within this filter" in nothing.text
    assert of_run.text.count('data-label="When"') == 1
    assert [answer.status_code for answer in wrong] == [422] * 3
    assert lost.status_code == 422


def test_a_proof_is_a_file_that_verifies_with_the_log_s_key_alone(console: ConsoleUnderTest, executed: str) -> None:
    world = console.world
    identity = load_or_create_log_identity(world.settings.log_name, world.settings.log_key, world.settings.home / "log")
    with console.signed_in("otto", "auditor") as http:
        page = http.get(f"/console/audit/entries/{executed}/1").text
        path = page.partition('class="button main" href="')[2].partition('"')[0]
        answer = http.get(path)
        absent = http.get("/console/audit/proofs/9999")
    assert answer.headers["content-disposition"].startswith('attachment; filename="proof-demo-')
    bundle = parse_bundle(answer.text)
    verify_bundle(bundle, identity.verifiers("demo"))
    assert bundle.entries[0].entry.stream == executed
    assert f"placet audit verify --proof proof-demo-{bundle.entries[0].index + 1}.json" in page
    assert absent.status_code == 404


def test_the_newest_entries_are_checked_at_a_click_and_it_is_said_what_was(
    console: ConsoleUnderTest, executed: str
) -> None:
    world = console.world
    identity = load_or_create_log_identity(world.settings.log_name, world.settings.log_key, world.settings.home / "log")
    head = open_checkpoint(signed_head(world.database, identity, "demo"), identity.verifiers("demo"))
    record_anchoring(world.database, "demo", head, "https://witness.example/add", "root")
    with console.signed_in("otto", "auditor") as http:
        answer = settled(http, "/console/audit/verification?verify=1")
    assert "What was looked at is whole" in answer.text
    assert "signed with the log&#39;s key" in answer.text
    checked = re.search(r"number 1 to (\d+)", answer.text)
    assert checked is not None
    assert int(checked[1]) >= head.size  # the world's own worker may have signed a newer one meanwhile
    assert "Extends it" in answer.text


def test_a_run_is_replayed_at_a_click(console: ConsoleUnderTest, executed: str) -> None:
    with console.signed_in("otto", "auditor") as http:
        answer = settled(http, f"/console/audit/replays/{executed}")
    assert "Holds" in answer.text, answer.text
    assert "approve by anna" in answer.text


def test_the_oversight_report_has_charts_with_their_tables_and_names_no_control(
    console: ConsoleUnderTest, executed: str
) -> None:
    with console.signed_in("otto", "auditor") as http:
        answer = settled(http, "/console/governance/oversight?days=7")
    assert "What became of the gates" in answer.text
    assert "Planted controls" in answer.text
    assert "run-" not in answer.text


def waiting(console: ConsoleUnderTest, *customers: str) -> list[str]:
    return [console.world.pending(customer) for customer in customers]


def test_many_are_chosen_signed_once_and_handed_in(console: ConsoleUnderTest) -> None:
    world = console.world
    run_ids, bert = waiting(console, "C00009", "C00006"), world.approver("bert")
    chosen: dict[str, Any] = {"verdict": "approve", "run": run_ids}
    with console.signed_in("bert", "approver") as http:
        inbox = http.get("/console/inbox").text
        page = http.get("/console/batches/new", params=chosen).text
        single = http.get("/console/batches/new", params={"run": run_ids[0]})
        everything = http.get("/console/batches/new?verdict=approve&all=1").text
        prepared = prepare_batch(world.database, "demo", "approve", parse_limits({}), run_ids)
        lines = "".join(
            json.dumps({"run_id": run_id, "decision": json.loads(share)}) + "\n"
            for run_id, share in sign_prepared(prepared, tenant="demo", signer="bert", reason="", key=bert.key).items()
        )

        def hand_in(text: str) -> httpx.Response:
            file = {"file": ("batch.jsonl", text.encode(), "application/json")}
            return http.post("/console/batches", data={"form_token": form_token(page)}, files=file)

        refused = [hand_in(text).status_code for text in ("", "{}", lines + lines, lines[:-20])]
        answer = hand_in(lines)
        outcome = settled(http, answer.headers["location"])
    assert all(f'value="{run_id}"' in inbox for run_id in run_ids)
    assert f"2 proposals, {prepared.total} in all" in page
    assert f"placet approve {' '.join(sorted(run_ids))} --max-cost &#39;{prepared.bounds.max_cost}&#39;" in page
    assert single.headers["location"] == f"/console/runs/{run_ids[0]}"
    assert "placet approve --all --agent retention" in everything
    assert refused == [422] * 4
    assert outcome.text.count(">Executed<") == 2
    for run_id in run_ids:
        world.wait(run_id, "executed")


def test_all_of_a_treatment_are_found_however_its_name_is_written(console: ConsoleUnderTest) -> None:
    for customer in ("C00005", "C00006"):
        console.world.pending(customer)
    with console.signed_in("ben", "approver") as http:
        page = http.get("/console/inbox", params={"treatment": "Goodwill credit"}).text
        (place, *_) = re.findall(r'href="(/console/batches/new\?verdict=approve[^"]+)"', page)
        answer = http.get(unescape(place))
    assert answer.status_code == 200
    assert "--treatment goodwill_credit" in answer.text


def test_the_inbox_is_ordered_by_money_and_follows_what_happens(console: ConsoleUnderTest) -> None:
    run_ids = waiting(console, "C00032", "C00037")
    with console.signed_in("anna", "approver") as http:
        page = http.get("/console/inbox?order=largest&mine=").text
        poll = page.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
        still = http.get(poll, headers={"HX-Request": "true"})
        console.world.cancel(run_ids[0])
        console.world.wait(run_ids[0], "cancelled")
        moved = http.get(poll, headers={"HX-Request": "true"})
        lost = http.get("/console/inbox?order=largest&after=run-00000000000000000000")
    assert "order=largest" in poll
    assert still.status_code == 204
    assert moved.status_code == 200
    assert run_ids[0] not in moved.text
    assert run_ids[1] in moved.text
    assert "no 'run-00000000000000000000' to go on after" in lost.text.replace("&#39;", "'")


def test_a_record_that_was_changed_is_said_to_be_and_the_check_names_the_entry(console: ConsoleUnderTest) -> None:
    world = console.world
    run_id = world.start("C00002")
    world.wait(run_id, "no_action")
    identity = load_or_create_log_identity(world.settings.log_name, world.settings.log_key, world.settings.home / "log")
    signed_head(world.database, identity, "demo")
    disarm(world.settings.database, "audit_event")
    with outsider(world.settings.database) as shell:
        shell(f"UPDATE audit_event SET actor = 'nobody' WHERE kind = 'run.ended' AND stream = '{run_id}'")  # noqa: S608
    found: list[str] = []

    def said() -> bool:  # for two seconds, an answer that was given before stands
        found.append(http.get("/console/audit/verification?verify=1").text)
        return "is not the one that was put there" in found[-1]

    with console.signed_in("otto", "auditor") as http:
        await_condition(said, seconds=GUARD, what="the fault being named")
    assert "Nothing after the first fault was looked at" in found[-1]
    assert "What was looked at is whole" not in found[-1]


def test_a_live_page_whose_session_ended_is_taken_away(console: ConsoleUnderTest) -> None:
    with console.client() as http:
        for path in ("inbox/live?seen=0.0", "governance/oversight", "audit/verification?verify=1"):
            answer = http.get(f"/console/{path}", headers={"HX-Request": "true"})
            assert answer.status_code == 286, path
            assert "Your session has ended" in answer.text


def test_what_is_anothers_or_nothing_is_not_there(console: ConsoleUnderTest) -> None:
    with console.signed_in("otto", "auditor") as http:
        missing = ("governance/mandates/ffffffff", "audit/entries/tenant/other/1", "audit/entries/run-x/9")
        assert [http.get(f"/console/{path}").status_code for path in missing] == [404] * len(missing)
        lost = ("governance/mandates", "governance/delegations", "governance/reversals", "governance/notifications")
        assert [http.get(f"/console/{path}?after=nothing").status_code for path in lost] == [422] * len(lost)
