"""What our record knows of a customer, by command and over HTTP: the same, and billing is not asked for it."""

import json
from typing import Any

from fastapi.testclient import TestClient
from pydantic import SecretStr

from placet.engine.client import Engine
from placet.errors import ConfigurationError
from placet.interfaces.http.app import create_app
from tests.support.programs.command import Command
from tests.support.world import World

TOKEN = "0123456789abcdef0123456789abcdef"


async def nowhere() -> Engine:
    raise ConfigurationError("no Temporal here")


def test_what_a_customer_was_given_and_what_waits_is_shown_without_asking_billing(
    a_world: World, command: Command
) -> None:
    anna = a_world.approver("anna")
    given = a_world.pending("C00005")
    a_world.approve(given, anna)
    a_world.wait(given, "executed")
    waits = a_world.pending("C00006")
    asked = a_world.bss("/sandbox/requests")

    listed = json.loads(command("customer", "list", "--json").out)
    assert [(one["customer_id"], one["runs"]) for one in listed] == [("C00005", 1), ("C00006", 1)]
    paged = command("customer", "list", "--limit", "1").out
    assert "C00006" not in paged
    assert "there are more: --after C00005" in paged
    assert "C00005" not in command("customer", "list", "--after", "C00005").out

    shown = command("customer", "show", "C00005").out
    treatment = a_world.proposal(given).treatment.replace("_", " ")
    assert f"{treatment}, {a_world.proposal(given).cost}  run {given}" in shown
    assert f"read by run {given}" in shown
    assert "B-C00005" in shown
    assert "1 run changed something since: the balance may be another now" in shown
    pending = command("customer", "show", "C00006").out
    assert f"(waits)  run {waits}" in pending
    assert command("customer", "show", "C99999").refusal() == (
        "placet: no run of tenant 'demo' is about customer 'C99999'; check the id"
    )

    app = create_app(a_world.database, nowhere, tenant="demo", agents=("retention",), token=SecretStr(TOKEN))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        page: Any = http.get("/v1/customers", params={"limit": 1}).json()
        assert (page["customers"], page["next"]) == (listed[:1], "C00005")
        over: Any = http.get("/v1/customers/C00005").json()
        assert over == json.loads(command("customer", "show", "C00005", "--json").out)
        assert (over["facts_of"], over["given"]["contacts"][0]["standing"]) == (given, "given")
        assert http.get("/v1/customers/C99999").json()["code"] == "unknown_customer"
        other = create_app(a_world.database, nowhere, tenant="other", agents=("retention",), token=SecretStr(TOKEN))
    with TestClient(other, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        assert http.get("/v1/customers").json() == {"customers": [], "next": None}
        assert http.get("/v1/customers/C00005").status_code == 404
    assert a_world.bss("/sandbox/requests") == asked


def test_what_was_taken_back_is_said_and_hides_no_evidence(a_world: World, command: Command) -> None:
    anna, given = a_world.approver("anna"), a_world.pending("C00005")
    a_world.approve(given, anna)
    reversal = json.loads(command("reverse", given, "--by", "olga", "--reason", "in error", "--json").out)["run_id"]
    a_world.wait(reversal, "awaiting_decision")
    a_world.approve(reversal, anna)
    shown = command("customer", "show", "C00005").out
    assert "given     nothing in 90 days that was not taken back" in shown
    assert f"what run {given} did, by run {reversal}" in shown
    assert f"read by run {given}" in shown
    assert "2 runs changed something since" in shown
