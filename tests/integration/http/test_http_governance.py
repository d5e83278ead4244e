"""What people sign, over HTTP: keys, mandates, delegations, halts; and what is read of the record and of oversight."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.contracts.audit import AuditEvent
from placet.contracts.people.enrolment import Revocation
from placet.entrypoints.environment import CHECKOUT
from placet.governance.log.bundle import ProofBundle, verify_bundle
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.governance.signing.keys import Signer, public_bytes
from placet.governance.signing.signed import document_statement, sign_document
from placet.interfaces.http.app import create_app
from placet.service.deciding.batch_choice import parse_limits, prepare_batch
from placet.service.deciding.batches import sign_prepared
from placet.service.documents.delegations import sign_delegation
from placet.service.documents.halts import sign_lift
from placet.service.documents.keys import enroll_key, revoke_key
from placet.service.documents.mandates import sign_mandate
from placet.service.keeping.log import signed_head
from placet.service.policy_files import read_policy_files
from placet.storage.database import Database
from placet.storage.records import Asked
from tests.integration.http.calling import OPERATOR, TOKEN, client_of, engine_at, problem, serving, start
from tests.integration.http.tenants import small_credits
from tests.security.gate.test_approver_view import hostile_proposal, waiting
from tests.support.authenticator import ORIGIN, Authenticator
from tests.support.databases import disarm, migrated, outsider, sqlite_url
from tests.support.enrolment import enrolment_of, new_signer, trusted
from tests.support.facts import FACTS
from tests.support.logs import identity
from tests.unit.support import RUN, a_gate, a_key

POLICIES = PolicySet(read_policy_files(CHECKOUT / "agents" / "retention" / "policy.cedar"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def root(own: Database, tmp_path: Path) -> Signer:
    return trusted(own, tmp_path)


@pytest.fixture
def api(own: Database) -> Iterator[httpx.Client]:
    """The API over a database of its own; Temporal is not there, and nobody needs it."""
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


def enrolled(own: Database, root: Signer, name: str, *roles: str) -> Signer:
    who = new_signer(name)
    given: dict[str, Any] = {"tenant": "demo", "limit": "1000.00 USD", "by": root, "expires_at": None}
    enroll_key(own, name=name, roles=roles, public_key=public_bytes(who.key.private.public_key()), **given)
    return who


def post(api: httpx.Client, path: str, body: str | dict[str, Any]) -> httpx.Response:
    if isinstance(body, str):
        return api.post(path, content=body, headers={**OPERATOR, "Content-Type": "application/json"})
    return api.post(path, json=body, headers=OPERATOR)


def kinds(own: Database) -> list[str]:
    with own.reading() as tx:
        return [event.kind for event in tx.audit.read("tenant/demo")]


def test_a_key_is_enrolled_and_revoked_by_what_an_administrator_signed(
    api: httpx.Client, own: Database, root: Signer
) -> None:
    key = a_key()[1].model_copy(update={"enrolled_at": datetime.now(UTC), "revoked_at": None})
    done = post(api, "/v1/keys", enrolment_of(key, root))
    assert (done.status_code, done.json()["name"]) == (201, key.name)
    assert problem(post(api, "/v1/keys", enrolment_of(key, new_signer("mallory"))))[0] == 422
    assert kinds(own)[-1] == "key.refused"
    revocation = Revocation(
        tenant="demo",
        signer="root",
        signed_at=datetime.now(UTC),
        document_id="1" * 32,
        reason="lost",
        key_id=key.key_id,
    )
    revoked = post(api, "/v1/keys/revocations", sign_document(revocation, root.key.private, root.key.key_id))
    assert (revoked.status_code, revoked.json()) == (201, {"key_id": key.key_id})
    (_, listed) = sorted(api.get("/v1/keys").json()["keys"], key=lambda one: one["name"] != "root")
    assert (listed["key"]["revoked_reason"], listed["fault"]) == ("lost", "")


def test_a_passkey_is_enrolled_listed_and_revoked_by_its_own_signature(
    api: httpx.Client, own: Database, root: Signer
) -> None:
    device = Authenticator(counter=0)
    key = device.enrolled("cora").model_copy(update={"enrolled_at": datetime.now(UTC)})
    done = post(api, "/v1/keys", enrolment_of(key, root))
    assert (done.status_code, done.json()["passkey"]) == (201, device.passkey.model_dump(mode="json"))
    listed = {one["name"]: one["key"] for one in api.get("/v1/keys").json()["keys"]}
    assert listed["cora"]["passkey"]["credential_id"] == device.passkey.credential_id
    assert "passkey" not in listed["root"]
    revocation = Revocation(
        tenant="demo", signer="cora", signed_at=datetime.now(UTC), document_id="2" * 32, key_id=device.key_id
    )
    statement = document_statement(revocation)
    device.origin = "https://evil.example"
    assert problem(post(api, "/v1/keys/revocations", device.envelope(statement)))[1] == "wrong_origin"
    device.origin = ORIGIN
    revoked = post(api, "/v1/keys/revocations", device.envelope(statement))
    assert (revoked.status_code, revoked.json()) == (201, {"key_id": device.key_id})
    assert kinds(own)[-2:] == ["key.revoked", "passkey.used"]


def test_a_mandate_is_put_in_force_once_shown_and_revoked(api: httpx.Client, own: Database, root: Signer) -> None:
    hanna = enrolled(own, root, "hanna", "retention_head")
    draft = small_credits("summer-save")
    signed = sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)
    taken = post(api, "/v1/mandates", signed)
    assert taken.status_code == 201, taken.text
    assert (taken.json()["state"], taken.json()["left"]["amount_minor"]) == ("valid", 10_000)
    identifier = taken.json()["record"]["mandate"]["document_id"]
    assert post(api, "/v1/mandates", signed).json()["record"] == taken.json()["record"]
    shown = api.get(f"/v1/mandates/{identifier[:12]}").json()
    assert (shown["mandate"]["signature"], shown["uses"]) == ("good", [])
    assert len(api.get("/v1/mandates", params={"agent": "retention"}).json()["mandates"]) == 1
    assert post(api, f"/v1/mandates/{identifier}/revoke", {"reason": "enough"}).json()["state"] == "revoked"
    assert problem(post(api, f"/v1/mandates/{identifier}/revoke", {}))[:2] == (409, "already_revoked")
    assert problem(api.get(f"/v1/mandates/{'0' * 32}")) == (404, "unknown_mandate")
    assert kinds(own)[-2:] == ["mandate.signed", "mandate.revoked"]


def test_what_a_revoked_key_signed_is_listed_as_what_does_not_count(
    api: httpx.Client, own: Database, root: Signer
) -> None:
    hanna = enrolled(own, root, "hanna", "retention_head")
    enrolled(own, root, "ben", "care_agent")
    draft = small_credits("summer-save")
    assert post(api, "/v1/mandates", sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)).is_success
    given = {"tenant": "demo", "delegator": "hanna", "delegate": "ben", "roles": ("retention_head",), "days": 3}
    signed = sign_delegation(**given, limit="50.00 USD", reason="", key=hanna.key)  # type: ignore[arg-type]
    assert post(api, "/v1/delegations", signed).is_success
    (mandate,) = api.get("/v1/mandates").json()["mandates"]
    (delegation,) = api.get("/v1/delegations").json()["delegations"]
    assert (mandate["state"], mandate["signature"], delegation["fault"]) == ("valid", "good", "")
    revoke_key(own, tenant="demo", key_id=hanna.key.key_id, by=root, reason="left")
    (mandate,) = api.get("/v1/mandates").json()["mandates"]
    (delegation,) = api.get("/v1/delegations").json()["delegations"]
    assert mandate["state"] == "does_not_count"
    assert mandate["signature"].startswith("revoked_key: ")
    assert "was revoked" in delegation["fault"]


def test_a_mandate_that_was_altered_hides_no_other_and_is_named(api: httpx.Client, own: Database, root: Signer) -> None:
    hanna = enrolled(own, root, "hanna", "retention_head")
    for name in ("kept", "altered"):
        draft = small_credits(name)
        assert post(
            api, "/v1/mandates", sign_mandate(draft, FACTS, signer="hanna", reason="", key=hanna.key)
        ).is_success
    url = own._url.render_as_string(hide_password=False)
    disarm(url, "mandate")
    with outsider(url) as shell:
        shell('UPDATE mandate SET budget_minor = 9999999 WHERE mandate LIKE \'%"name":"altered"%\'')
    page = api.get("/v1/mandates").json()
    assert [one["record"]["mandate"]["name"] for one in page["mandates"]] == ["kept"]
    (altered,) = page["altered"]
    assert "was altered in the database" in altered["fault"]
    kept = page["mandates"][0]["record"]["mandate"]["document_id"]
    assert api.get(f"/v1/mandates/{kept}").status_code == 200
    assert problem(api.get(f"/v1/mandates/{altered['mandate_id']}"))[1] == "mandate_altered"
    first = api.get("/v1/mandates", params={"limit": 1}).json()
    second = api.get("/v1/mandates", params={"limit": 1, "after": first["next"]}).json()
    assert len(first["mandates"] + first["altered"]) == len(second["mandates"] + second["altered"]) == 1


def test_a_delegation_is_put_in_force_and_revoked(api: httpx.Client, own: Database, root: Signer) -> None:
    anna = enrolled(own, root, "anna", "retention_lead")
    enrolled(own, root, "ben", "care_agent")
    given = {"tenant": "demo", "delegator": "anna", "delegate": "ben", "roles": ("retention_lead",), "days": 3}
    signed = sign_delegation(**given, limit="50.00 USD", reason="", key=anna.key)  # type: ignore[arg-type]
    taken = post(api, "/v1/delegations", signed)
    assert taken.status_code == 201, taken.text
    identifier = taken.json()["delegation"]["document_id"]
    assert post(api, f"/v1/delegations/{identifier}/revoke", {"reason": "back"}).json()["revoked_by"] == "olga.ops"
    assert len(api.get("/v1/delegations").json()["delegations"]) == 1
    assert problem(post(api, f"/v1/delegations/{'0' * 32}/revoke", {})) == (404, "unknown_delegation")


def test_a_halt_is_placed_by_who_operates_and_lifted_by_who_may(api: httpx.Client, own: Database, root: Signer) -> None:
    anna, hanna = enrolled(own, root, "anna", "care_agent"), enrolled(own, root, "hanna", "retention_head")
    placed = post(api, "/v1/halts", {"scope": "kind", "subject": "adjust_balance", "reason": "the list is wrong"})
    assert (placed.status_code, placed.json()["leaving"]) == (201, [])
    with own.reading() as tx:
        (halt,) = tx.halts.list("demo")
    assert (halt.halt_id, halt.placed_by) == (placed.json()["halt"]["halt_id"], "olga.ops")
    refused = post(api, "/v1/halts/lift", sign_lift(halt, name="anna", reason="", key=anna.key))
    assert problem(refused) == (422, "unentitled")
    lifted = post(api, "/v1/halts/lift", sign_lift(halt, name="hanna", reason="mended", key=hanna.key))
    assert (lifted.status_code, lifted.json()["lifted_by"]) == (200, "hanna")
    assert api.get("/v1/halts").json() == {"halts": [], "next": None}
    assert [one["halt_id"] for one in api.get("/v1/halts", params={"which": "all"}).json()["halts"]] == [halt.halt_id]
    assert kinds(own)[-3:] == ["halt.placed", "halt.lift_refused", "halt.lifted"]
    for nonsense in (
        {"scope": "tenant", "subject": "x", "reason": "r"},
        {"scope": "agent", "subject": "", "reason": "r"},
    ):
        assert problem(post(api, "/v1/halts", nonsense)) == (422, "malformed")
    assert problem(post(api, "/v1/halts", {"scope": "kind", "subject": "nosuch", "reason": "r"}))[1] == "unknown_kind"
    assert problem(post(api, "/v1/halts", {"scope": "tenant", "reason": " "}))[0] == 422


def test_what_waits_is_listed_with_the_digest_that_is_signed(api: httpx.Client, own: Database) -> None:
    proposal = hostile_proposal()
    waiting(own, proposal)
    with own.transaction() as tx:
        tx.runs.note_asked(RUN, Asked.of(a_gate(), proposal))
    answer = api.get("/v1/inbox", params={"kind": ["adjust_balance"], "max_cost": "30.00 USD"}).json()
    (row,) = answer["waiting"]
    assert (answer["total"], answer["next"], row["run"]["run_id"]) == (1, None, RUN)
    assert row["digest"] == digest(proposal)
    assert api.get("/v1/inbox", params={"max_cost": "1.00 USD"}).json()["total"] == 0
    assert problem(api.get("/v1/inbox", params={"min_cost": "a lot"})) == (422, "malformed")
    for name in ("min_cost", "max_cost"):
        below = api.get("/v1/inbox", params={name: "-1 USD"})
        assert problem(below) == (422, "malformed")
        assert below.json()["detail"] == f"{name}: -1.00 USD is below zero; write an amount of zero or more"
    assert problem(api.get("/v1/inbox", params={"decider": "nobody"})) == (404, "unknown_approver")
    explained = api.get(f"/v1/runs/{RUN}/policy").json()
    assert (explained["in_force"], explained["problem"]) == (POLICIES.digest, "")
    assert problem(api.get("/v1/runs/run-0/policy"))[0] in (404, 422)


def test_a_signed_batch_comes_on_the_record_before_its_runs_get_their_shares(
    api: httpx.Client, own: Database, root: Signer
) -> None:
    anna = enrolled(own, root, "anna", "retention_lead")
    waiting(own, hostile_proposal())
    prepared = prepare_batch(own, "demo", "approve", parse_limits({}), [RUN])
    (share,) = sign_prepared(prepared, tenant="demo", signer="anna", reason="", key=anna.key).values()
    taken = post(api, "/v1/batches", share)
    assert (taken.status_code, taken.json()["size"], kinds(own)[-1]) == (201, 1, "batch.signed")
    mallory = new_signer("anna")
    (share,) = sign_prepared(prepared, tenant="demo", signer="anna", reason="", key=mallory.key).values()
    assert problem(post(api, "/v1/batches", share)) == (422, "unknown_key")
    assert kinds(own)[-1] == "batch.refused"


def test_the_record_is_followed_and_one_entry_of_it_proven(
    api: httpx.Client, own: Database, root: Signer, tmp_path: Path
) -> None:
    assert problem(api.get("/v1/record/head")) == (404, "no_head")
    enrolled(own, root, "anna", "retention_lead")
    who = identity(tmp_path)
    signed_head(own, who, "demo")
    entries, after = [], 0
    while True:
        page = api.get("/v1/record", params={"limit": 1, "after": after}).json()
        entries += [AuditEvent.model_validate(one["entry"]) for one in page["entries"]]
        last = page["entries"][-1]["position"]
        if page["next"] is None:
            break
        after = page["next"]
    with own.reading() as tx:
        assert entries == [event for _, event in tx.audit.tail("demo")]
    own_stream = api.get("/v1/record/tenant").json()
    assert ([AuditEvent.model_validate(one) for one in own_stream["entries"]], own_stream["next"]) == (entries, None)
    first = api.get("/v1/record/tenant", params={"limit": 1}).json()
    assert (len(first["entries"]), first["next"]) == (1, 1)
    assert api.get("/v1/record/tenant", params={"after": 1}).json()["entries"] == own_stream["entries"][1:]
    bundle = ProofBundle.model_validate(api.get("/v1/record/proof", params={"position": last}).json())
    head = verify_bundle(bundle, who.verifiers("demo"))
    newest = api.get("/v1/record/head").json()
    assert head.root.hex() == newest["root"]
    assert api.get("/v1/record/heads", params={"limit": 1}).json() == {"heads": [newest], "next": None}
    assert problem(api.get("/v1/record/proof", params={"position": last + 1})) == (404, "unknown_entry")
    assert problem(api.get("/v1/record/proof", params={"position": "nonsense"})) == (422, "malformed")


def test_policies_notifications_and_oversight_are_shown(api: httpx.Client) -> None:
    (shown,) = api.get("/v1/policies").json()["policies"]
    assert (shown["policy_set"], shown["fault"]) == (POLICIES.digest, "")
    assert "permit" in shown["files"][0]["text"]
    assert api.get("/v1/notifications", params={"status": "failed"}).json() == {"notifications": [], "next": None}
    assert api.get("/v1/oversight", params={"days": 7}).json()["overall"]["asked"] == 0


def test_a_draft_of_policies_is_checked_as_the_command_checks_it_and_changes_nothing(api: httpx.Client) -> None:
    files = [{"name": file.name, "text": file.text} for file in POLICIES.files]
    checked = api.post("/v1/policies/check", json={"files": files}).json()
    assert (checked["policy_set"], checked["findings"]) == (POLICIES.digest, [])
    assert len(checked["gates"]) > 0
    broken = api.post("/v1/policies/check", json={"files": [{"name": "own.cedar", "text": "permit (principal"}]}).json()
    assert [(one["severity"], one["file"], one["line"]) for one in broken["findings"]] == [("error", "own.cedar", 1)]
    assert problem(api.post("/v1/policies/check", json={"files": files * 2})) == (422, "malformed")
    many = "".join(f'@id("p{n}") permit (principal, action, resource);' for n in range(101))
    large = {"files": [{"name": "own.cedar", "text": many}]}
    assert problem(api.post("/v1/policies/check", json=large)) == (422, "too_complex")
    nested = [{"name": "own.cedar", "text": "permit (principal, action, resource) when { " + "(" * 9000 + "};"}]
    assert api.post("/v1/policies/check", json={"files": nested}).json()["findings"][0]["severity"] == "error"
    assert api.get("/v1/policies").json()["policies"][0]["policy_set"] == POLICIES.digest


def test_what_cannot_be_taken_back_is_a_conflict_and_no_fault_of_the_server(http: httpx.Client) -> None:
    answer = http.post(f"/v1/runs/{start(http)}/reverse", json={"reason": "wrong"}, headers=OPERATOR)
    assert problem(answer) == (409, "not_executed")


def test_a_method_that_a_path_has_not_is_told_all_that_it_has(api: httpx.Client) -> None:
    refused = api.delete("/v1/halts")
    assert problem(refused) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, POST"


def test_every_operation_says_which_token_and_which_errors(api: httpx.Client) -> None:
    description = api.get("/openapi.json").json()
    assert "HTTPValidationError" not in description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for operation in operations.values():
            open_to_all = path in {"/healthz", "/livez"}
            assert ("security" not in operation) == open_to_all
            assert open_to_all or {"401", "404", "409", "422", "503"} <= set(operation["responses"])
