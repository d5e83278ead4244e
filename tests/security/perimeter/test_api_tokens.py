"""Tokens for the HTTP API: what each role may do, whose name a request bears, and when a token opens nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from placet.contracts.people.access import ACCESS_ROLES, AccessRole
from placet.errors import DecisionRefused, UsageError
from placet.governance.access import tokens as access_tokens
from placet.governance.access.rules import permits
from placet.governance.signing.keys import Signer, public_bytes
from placet.interfaces.http.app import create_app
from placet.interfaces.record_words import in_words
from placet.service.documents.access import holder_of, issue_token, list_tokens, revoke_token, take_grant
from placet.service.documents.keys import enroll_key, revoke_key
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, envelope, order, problem, serving
from tests.support.databases import disarm
from tests.support.enrolment import new_signer, trusted
from tests.support.servers import asking

MAY: dict[AccessRole, set[str]] = {
    "operator": {"read runs", "read inbox", "read customers", "read batches", "read mandates", "read delegations",
                 "read halts", "read keys", "read policies", "read notifications", "operate runs", "operate halts",
                 "operate rollouts", "read events", "operate events", "read cohorts", "read models",
                 "read strategies", "read rollouts", "read walkthroughs", "operate walkthroughs",
                 "withdraw walkthroughs", "read journeys"},
    "approver": {"read runs", "read inbox", "read customers", "read batches", "read mandates", "read delegations",
                 "read halts", "read keys", "read policies", "read notifications", "deliver runs", "deliver batches",
                 "deliver mandates", "deliver delegations", "deliver halts", "deliver strategies", "deliver rollouts",
                 "deliver policies", "withdraw policies",
                 "withdraw mandates", "read cohorts", "read models", "read strategies", "read rollouts",
                 "withdraw delegations", "read walkthroughs", "operate walkthroughs", "withdraw walkthroughs",
                 "read journeys"},
    "auditor": {"read runs", "read inbox", "read customers", "read batches", "read mandates", "read delegations",
                "read halts", "read keys", "read policies", "read notifications", "read tokens", "read record",
                "read oversight", "read events", "read cohorts", "read models", "read strategies", "read rollouts",
                "read walkthroughs", "read journeys"},
    "administrator": {"read runs", "read inbox", "read customers", "read batches", "read mandates",
                      "read delegations", "read halts", "read keys", "read policies", "read notifications",
                      "read tokens", "read record", "read oversight", "read events", "operate halts", "deliver keys",
                      "deliver tokens", "deliver halts", "withdraw mandates", "withdraw delegations",
                      "withdraw policies",
                      "withdraw tokens", "read cohorts", "read models", "read strategies", "read rollouts",
                      "read walkthroughs", "operate walkthroughs", "withdraw walkthroughs", "read journeys"},
}  # fmt: skip
"""Written out, so that a policy which permits one thing more is noticed."""


@pytest.fixture
def own(database_url: str) -> Iterator[Database]:
    with Database(database_url, pool_size=10) as database:
        yield database


@pytest.fixture
def root(own: Database, tmp_path: Path) -> Signer:
    return trusted(own, tmp_path)


@contextmanager
def api(own: Database, tenant: str = "demo", temporal: str = "127.0.0.1:1") -> Iterator[str]:
    app = create_app(own, engine_at(temporal), tenant=tenant, agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url:
        yield url


def issued(own: Database, root: Signer, *roles: AccessRole, name: str = "olga", days: int = 30) -> str:
    return issue_token(own, tenant="demo", name=name, roles=roles, days=days, by=root).text


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_each_role_may_do_what_is_written_here_and_nothing_else(own: Database, root: Signer) -> None:
    with api(own) as url, client_of(url) as http:
        paths: dict[str, dict[str, Any]] = http.get("/openapi.json").json()["paths"]
        asked = [
            (role, method, path, said)
            for path, operations in paths.items()
            for method, said in operations.items()
            for role in ACCESS_ROLES
            if "health" not in said["tags"]
        ]
        token = {role: issued(own, root, role, name=role) for role in ACCESS_ROLES}
        done = set[str]()
        for role, method, path, said in asked:
            action = said.get("x-placet-action") or "read"
            # Who was invited, and with which passkey, is shown to those alone who enroll.
            assert action == "read" or method == "post" or path == "/v1/keys/invitations"
            what = f"{action} {said['tags'][0]}"
            answer = asking.request(method, url + path.replace("{", "").replace("}", ""), headers=bearer(token[role]))
            assert (answer.status_code == 403) == (what not in MAY[role]), (role, method, path, answer.text)
            assert answer.status_code != 401, (role, method, path)
            done.add(what)
        # "batches" are only posted.
        assert done == {what for may in MAY.values() for what in may} - {"read batches"}


def test_what_no_policy_speaks_of_is_denied() -> None:
    for role in ACCESS_ROLES:
        assert not permits(frozenset([role]), "operate", "everything")
        assert not permits(frozenset([role]), "destroy", "runs")
    assert not permits(frozenset(), "read", "runs")
    assert not permits(frozenset(["owner"]), "read", "runs")


def test_a_run_bears_the_name_of_the_token_and_no_other(own: Database, root: Signer, temporal_address: str) -> None:
    token = issued(own, root, "operator", name="crm.batch")
    with api(own, temporal=temporal_address) as url:
        answer = asking.post(f"{url}/v1/runs", json=order(), headers=bearer(token))
        assert answer.status_code == 201, answer.text
        run = answer.json()["run"]
        forged = asking.post(f"{url}/v1/runs", json=order(), headers={**bearer(token), "X-Placet-Operator": "olga"})
        assert problem(forged) == (403, "forbidden")
        same = {**bearer(token), "X-Placet-Operator": "crm.batch"}
        assert asking.post(f"{url}/v1/runs", json=order(), headers=same).status_code == 201
        # The installation's own token names nobody: the system behind it must.
        assert problem(asking.post(f"{url}/v1/runs", json=order(), headers=bearer(TOKEN))) == (422, "malformed")
        twice = [("X-Placet-Operator", "olga"), ("X-Placet-Operator", "anna"), *bearer(TOKEN).items()]
        assert problem(asking.post(f"{url}/v1/runs", json=order(), headers=twice)) == (422, "malformed")
        told = {**bearer(TOKEN), "X-Placet-Operator": "olga"}
        by_word = asking.post(f"{url}/v1/runs", json=order(), headers=told).json()["run"]["run_id"]
        cancelled = asking.post(f"{url}/v1/runs/{run['run_id']}/cancel", headers=bearer(token))
        assert cancelled.status_code == 202, cancelled.text
    assert run["requested_by"] == "crm.batch"
    with own.reading() as tx:
        entries = tx.audit.read(run["run_id"])
        assert {entry.actor for entry in entries if entry.kind.startswith("run.")} == {"crm.batch"}
        # How the name is known stands on the tenant's stream, which who decides does not read: a control has no token.
        assert set(entries[0].body) == set(tx.audit.read(by_word)[0].body)
        vouched = {e.body["run_id"]: e for e in tx.audit.read("tenant/demo") if e.kind == "token.vouched"}
    assert len(vouched) == 2
    assert by_word not in vouched
    assert vouched[run["run_id"]].body["token"] == token.split("_")[1]
    assert in_words(vouched[run["run_id"]]).startswith(f"asked for run {run['run_id']} (its token ")


def test_a_token_without_a_key_sends_no_decision_to_a_run(own: Database, root: Signer, temporal_address: str) -> None:
    with api(own, temporal=temporal_address) as url:
        asked = asking.post(f"{url}/v1/runs", json=order(), headers=bearer(issued(own, root, "operator")))
        run_id = asked.json()["run"]["run_id"]
        path, typed = f"{url}/v1/runs/{run_id}/decisions", {"Content-Type": "application/json"}
        headers = {**bearer(issued(own, root, "approver", name="anna")), **typed}
        assert problem(asking.post(path, content=envelope(run_id), headers=headers)) == (422, "unknown_key")
        forged = json.loads(envelope(run_id))
        forged["signatures"][0]["keyid"] = root.key.key_id
        assert problem(asking.post(path, json=forged, headers=headers))[0] == 422
        # What the system with the installation's own token hands in is reviewed, and the answer recorded.
        assert asking.post(path, content=envelope(run_id), headers={**bearer(TOKEN), **typed}).status_code == 202


def test_a_key_that_was_revoked_sends_no_decision_to_a_run(own: Database, root: Signer, temporal_address: str) -> None:
    """Its holder may still have a token, and must not use up the signals of a run."""
    anna = new_signer("anna")
    enroll_key(
        own,
        tenant="demo",
        name="anna",
        roles=("retention_lead",),
        limit="10.00 USD",
        public_key=public_bytes(anna.key.private.public_key()),
        by=root,
        expires_at=None,
    )
    with api(own, temporal=temporal_address) as url:
        asked = asking.post(f"{url}/v1/runs", json=order(), headers=bearer(issued(own, root, "operator")))
        run_id = asked.json()["run"]["run_id"]
        path = f"{url}/v1/runs/{run_id}/decisions"
        headers = {**bearer(issued(own, root, "approver", name="anna")), "Content-Type": "application/json"}
        another = envelope(f"run-{'0' * 20}", key=anna.key.private)
        assert problem(asking.post(path, content=another, headers=headers)) == (422, "wrong_run")
        signed = envelope(run_id, key=anna.key.private)
        assert asking.post(path, content=signed, headers=headers).status_code == 202
        revoke_key(own, tenant="demo", key_id=anna.key.key_id, by=root, reason="left")
        assert problem(asking.post(path, content=signed, headers=headers)) == (422, "revoked_key")


def test_a_token_that_was_withdrawn_or_has_expired_opens_nothing(own: Database, root: Signer) -> None:
    token = issued(own, root, "auditor", days=1)
    now = datetime.now(UTC)
    assert holder_of(own, "demo", token, now) is not None
    assert holder_of(own, "demo", token, now + timedelta(days=1, seconds=1)) is None
    assert holder_of(own, "demo", token, now - timedelta(hours=1)) is None  # signed in the future
    with api(own) as url:
        assert asking.get(f"{url}/v1/runs", headers=bearer(token)).status_code == 200
        revoke_token(own, tenant="demo", token_id=token.split("_")[1][:6], by="olga", reason="left")
        assert problem(asking.get(f"{url}/v1/runs", headers=bearer(token))) == (401, "unauthorized")
    [known] = list_tokens(own, "demo")
    assert known.revoked_by == "olga"
    with pytest.raises(UsageError, match="0 tokens of tenant 'demo' begin with 'ffff'"):
        revoke_token(own, tenant="demo", token_id="ffff", by="olga")


def test_a_grant_that_was_revoked_does_not_come_back(own: Database, root: Signer) -> None:
    token = issued(own, root, "auditor")
    with own.reading() as tx:
        [document] = [e.body["document"] for e in tx.audit.read("tenant/demo") if e.kind == "token.issued"]
        grant = tx.artifacts.get(document, tenant="demo").decode()
    assert take_grant(own, grant, tenant="demo").name == "olga"  # the same again changes nothing
    revoke_token(own, tenant="demo", token_id=token.split("_")[1], by="olga")
    with pytest.raises(UsageError) as refused:
        take_grant(own, grant, tenant="demo")
    assert refused.value.code == "already_revoked"


def test_rows_that_make_no_sense_hide_no_token_and_keep_none_from_being_revoked(own: Database, root: Signer) -> None:
    token = issued(own, root, "auditor", name="eve")
    bodies: tuple[dict[str, Any], ...] = ({}, {"token_id": None}, {"token_id": "zz", "name": 7, "document": []})
    for number, body in enumerate(bodies):
        for name in (f"token.issued.zz{number}", f"token.issued.{number:016x}"):
            with own.transaction() as tx:
                tx.audit.append(
                    stream="tenant/demo", tenant="demo", run_id=None, kind="token.issued", actor="mallory",
                    step_key=name, at=datetime.now(UTC), body=body,
                )  # fmt: skip
    listed = list_tokens(own, "demo")
    assert [one.name for one in listed if not one.fault] == ["eve"]
    assert len(listed) == 4
    for named in (token.split("_")[1], f"{1:016x}"):
        assert revoke_token(own, tenant="demo", token_id=named, by="olga").revoked_by == "olga"
    assert holder_of(own, "demo", token, datetime.now(UTC)) is None


def test_a_token_ends_with_the_key_that_signed_for_it(own: Database, root: Signer) -> None:
    second = new_signer("ada")
    given: dict[str, Any] = {"tenant": "demo", "limit": None, "by": root, "expires_at": None}
    public = public_bytes(second.key.private.public_key())
    enroll_key(own, name="ada", roles=("administrator",), public_key=public, **given)
    token = issued(own, second, "auditor")
    assert holder_of(own, "demo", token, datetime.now(UTC)) is not None
    revoke_key(own, tenant="demo", key_id=second.key.key_id, by=root, reason="left")
    assert holder_of(own, "demo", token, datetime.now(UTC)) is None
    [known] = list_tokens(own, "demo")
    assert "revoked" in known.fault
    assert known.name == "olga"  # whose to issue anew


def test_a_token_lasts_a_year_at_most(own: Database, root: Signer) -> None:
    for days in (0, 367):
        with pytest.raises(UsageError, match="is not within 366 days of the signature"):
            issued(own, root, "auditor", days=days)


def test_only_an_administrator_issues_tokens(own: Database, root: Signer) -> None:
    anna = new_signer("anna")
    given: dict[str, Any] = {"tenant": "demo", "limit": "10.00 USD", "by": root, "expires_at": None}
    enroll_key(
        own, name="anna", roles=("retention_lead",), public_key=public_bytes(anna.key.private.public_key()), **given
    )
    for signer, code in ((anna, "not_administrator"), (new_signer("root"), "unknown_key")):
        with pytest.raises(DecisionRefused) as refused:
            issued(own, signer, "administrator")
        assert refused.value.code == code
    assert list_tokens(own, "demo") == ()
    with own.reading() as tx:
        kinds = [entry.kind for entry in tx.audit.read("tenant/demo")]
    assert kinds.count("token.refused") == 2


def test_whoever_writes_rows_issues_no_token(own: Database, root: Signer, database_url: str) -> None:
    """They know every table, and no administrator's key."""
    mallory = access_tokens.new_token()
    real = issued(own, root, "administrator", name="root")
    real_id = real.split("_")[1]
    with own.reading() as tx:
        [document] = [entry.body["document"] for entry in tx.audit.read("tenant/demo") if entry.kind == "token.issued"]
    with own.transaction() as tx:  # an entry of their own, that names the real document
        tx.audit.append(
            stream="tenant/demo", tenant="demo", run_id=None, kind="token.issued", actor="root",
            step_key=f"token.issued.{mallory.token_id}", at=datetime.now(UTC),
            body={"token_id": mallory.token_id, "name": "root", "roles": ["administrator"], "document": document,
                  "expires_at": "2099-01-01T00:00:00Z", "reason": ""},
        )  # fmt: skip
    now = datetime.now(UTC)
    assert holder_of(own, "demo", mallory.text, now) is None
    # The real token's id with a secret of their own.
    assert holder_of(own, "demo", f"placet_{real_id}_{mallory.text.split('_', 2)[2]}", now) is None
    disarm(database_url, "artifact")
    with create_engine(database_url).begin() as connection:  # the document, with the digest of their token in it
        data: Any = connection.execute(
            text("SELECT data FROM artifact WHERE digest = :d"), {"d": document}
        ).scalar_one()
        altered = bytes(data).replace(b'"', b"'")
        connection.execute(text("UPDATE artifact SET data = :data WHERE digest = :d"), {"data": altered, "d": document})
    assert holder_of(own, "demo", real, now) is None  # altered: it opens nothing, and nothing else does


@pytest.mark.parametrize(
    "presented",
    ["", "placet_", "placet_0000000000000000_" + "a" * 43, "placet_zzzz_" + "a" * 43, "0" * 32, "\ud800", "a" * 10_000],
)
def test_what_is_no_token_is_refused_without_a_word_about_why(own: Database, root: Signer, presented: str) -> None:
    issued(own, root, "auditor")
    assert holder_of(own, "demo", presented, datetime.now(UTC)) is None


def test_a_token_of_one_tenant_opens_nothing_of_another(own: Database, root: Signer, tmp_path: Path) -> None:
    token = issued(own, root, "administrator")
    with api(own, tenant="umbrella") as url:
        assert problem(asking.get(f"{url}/v1/runs", headers=bearer(token))) == (401, "unauthorized")
        assert asking.get(f"{url}/v1/runs", headers=bearer(TOKEN)).status_code == 200


def test_the_token_itself_is_kept_nowhere(own: Database, root: Signer) -> None:
    token = issued(own, root, "auditor")
    secret = token.split("_", 2)[2]
    with own.reading() as tx:
        entries = json.dumps([entry.model_dump(mode="json") for entry in tx.audit.read("tenant/demo")])
        [document] = [e.body["document"] for e in tx.audit.read("tenant/demo") if e.kind == "token.issued"]
        kept = tx.artifacts.get(document, tenant="demo").decode()
    assert secret not in entries + kept
    assert token.split("_")[1] in entries
