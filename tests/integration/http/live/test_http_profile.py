"""The profile over HTTP: one view, and keys whole for those alone who may see them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from placet.contracts.people.access import ACCESS_ROLES
from placet.governance.access.rules import PERSONAL, permits
from placet.interfaces.http.app import create_app
from placet.service.documents.access import issue_token
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving
from tests.integration.state.sending import recharge
from tests.support.enrolment import trusted
from tests.support.servers import asking

NUMBER = "msisdn:+4915112345678"
SEES = {"operator": True, "approver": False, "auditor": True, "administrator": True}


@pytest.fixture
def known(database: Database) -> Database:
    now = datetime.now(UTC)
    data = {"type": "placet.key.declared.v1", "data": {"key": NUMBER}}
    declared = recharge(1, subject="customer:C1", time=(now - timedelta(hours=2)).isoformat(), **data)
    assert take_events(database, "demo", [declared], now=now, oldest=now - timedelta(days=400)).accepted == 1
    return database


def test_keys_are_whole_for_those_roles_alone_that_may_see_them(known: Database, tmp_path: Path) -> None:
    assert {role: permits(frozenset([role]), "read", PERSONAL) for role in ACCESS_ROLES} == SEES
    root = trusted(known, tmp_path)
    app = create_app(known, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        whole = http.get("/v1/customers/C1/profile")
        assert whole.status_code == 200, whole.text
        assert NUMBER.partition(":")[2] in whole.text
        for role in ACCESS_ROLES:
            token = issue_token(known, tenant="demo", name=role, roles=(role,), days=1, by=root).text
            shown = asking.get(f"{url}/v1/customers/C1/profile", headers={"Authorization": f"Bearer {token}"})
            assert shown.status_code == 200
            assert (NUMBER.partition(":")[2] in shown.text) == SEES[role]
            assert shown.json()["keys_masked"] != SEES[role]


def test_every_field_has_a_source_and_a_time(known: Database) -> None:
    app = create_app(known, engine_at("127.0.0.1:1"), tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        sections = http.get("/v1/customers/C1/profile").json()["sections"]
        assert problem(http.get("/v1/customers/C9/profile")) == (404, "unknown_customer")
        assert problem(http.get("/v1/customers/a%20b/profile"))[0] == 422
    assert [one["name"] for one in sections] == ["billing", "live", "household", "consents", "decisions", "keys"]
    fields = [field for one in sections for field in one["fields"]]
    assert all(field["origin"]["of"] in {"billing", "events", "record"} and field["origin"]["at"] for field in fields)


def test_another_tenant_does_not_see_the_customer(known: Database) -> None:
    app = create_app(known, engine_at("127.0.0.1:1"), tenant="other", agents=("retention",), token=SecretStr(TOKEN))
    with serving(app) as url, client_of(url) as http:
        assert problem(http.get("/v1/customers/C1/profile")) == (404, "unknown_customer")
