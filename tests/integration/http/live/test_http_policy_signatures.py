"""Signatures on policy sets over HTTP: delivered by anybody, taken by the signature alone, withdrawn by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.governance.signing.keys import Signer
from placet.interfaces.http.app import create_app
from placet.service.documents.policy_signatures import draft_signature, sign_policies
from placet.storage.database import Database
from tests.integration.http.calling import OPERATOR, TOKEN, client_of, engine_at, problem, serving
from tests.integration.strategies.publishing import POLICIES, head
from tests.support.databases import migrated, sqlite_url
from tests.support.enrolment import trusted
from tests.support.strategies.promoting import PERMIT

PATH = "/v1/policies/signatures"
MORE = PolicySet([*POLICIES.files, PolicyFile(name="promote.cedar", text=PERMIT)])


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    with migrated(sqlite_url(tmp_path)) as database:
        yield database


@pytest.fixture
def hanna(own: Database, tmp_path: Path) -> Signer:
    return head(own, trusted(own, tmp_path))


@pytest.fixture
def api(own: Database) -> Iterator[httpx.Client]:
    app = create_app(
        own,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        policies=lambda _agent: MORE,
        facts=declared_facts,
    )
    with serving(app) as url, client_of(url) as client:
        yield client


def signed(by: Signer, **bent: Any) -> Any:
    drafted = draft_signature(
        MORE, tenant="demo", agent="retention", signer=by.name, most="50 %", days=30, reason="calm"
    )
    return json.loads(sign_policies(drafted.model_copy(update=bent), by.key))


def test_a_signature_is_taken_listed_and_withdrawn(api: httpx.Client, hanna: Signer) -> None:
    assert api.get(PATH).json() == {"signatures": []}
    envelope = signed(hanna)
    taken = api.post(PATH, json=envelope, headers=OPERATOR)
    assert taken.status_code == 201, taken.text
    assert (taken.json()["state"], taken.json()["signature"]["policies"]) == (
        "in_force",
        ["retention-promotes-calm-stages"],
    )
    assert api.post(PATH, json=envelope, headers=OPERATOR).json() == taken.json()
    [listed] = api.get(PATH).json()["signatures"]
    name = listed["signature"]["document_id"]
    gone = api.post(f"{PATH}/{name[:12]}/withdraw", json={"reason": "enough"}, headers=OPERATOR)
    assert (gone.json()["state"], gone.json()["withdrawn_by"]) == ("withdrawn", "olga.ops")
    assert problem(api.post(f"{PATH}/{name}/withdraw", json={}, headers=OPERATOR)) == (409, "already_withdrawn")
    assert problem(api.post(f"{PATH}/{'0' * 8}/withdraw", json={}, headers=OPERATOR)) == (404, "unknown_signature")


def test_what_does_not_count_is_refused_and_on_the_record(api: httpx.Client, own: Database, hanna: Signer) -> None:
    for bent, code in (
        ({"policy_set": "0" * 64}, "other_policies"),
        ({"tenant": "other"}, "wrong_tenant"),
        ({"policies": ("another",)}, "other_policies"),
    ):
        assert problem(api.post(PATH, json=signed(hanna, **bent), headers=OPERATOR)) == (422, code)
    assert api.get(PATH).json() == {"signatures": []}
    with own.reading() as tx:
        refused = [one.body["code"] for one in tx.audit.read("tenant/demo") if one.kind == "policy.signature_refused"]
    assert refused == ["other_policies", "wrong_tenant", "other_policies"]
