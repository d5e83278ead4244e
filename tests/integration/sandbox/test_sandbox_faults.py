import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from placet.sandbox.config import SandboxConfig
from placet.sandbox.faults.rules import FaultRule, parse_fault
from placet.sandbox.server import running
from tests.integration.tmf.requests import ADJUST, BUCKET, adjustment, effects, remaining
from tests.support.guard import GUARD

CUSTOMER = "C00001"
BODY = adjustment(CUSTOMER, 5, description="placet:fault")


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with running(SandboxConfig()) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


@pytest.fixture
def bss(server: httpx.Client) -> httpx.Client:
    """The sandbox without fault rules."""
    server.delete("/sandbox/faults").raise_for_status()
    return server


@pytest.fixture
def adjustments(bss: httpx.Client) -> Callable[[], int]:
    """How many adjustments were really made since the test began."""
    before = effects(bss)["adjustments"]
    return lambda: effects(bss)["adjustments"] - before


def post(client: httpx.Client, fault: str, **more: Any) -> httpx.Response:
    return client.post(ADJUST, json=BODY, headers={"X-Sandbox-Fault": fault}, **more)


def test_a_lost_response_is_a_broken_connection_after_the_effect_was_committed(
    bss: httpx.Client, adjustments: Callable[[], int]
) -> None:
    start = remaining(bss, CUSTOMER)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(bss, "lost")
    assert adjustments() == 1
    assert remaining(bss, CUSTOMER) == start + 5
    recorded = bss.get(ADJUST, params={"bucket.id": f"B-{CUSTOMER}"}).json()
    assert recorded[-1]["description"] == "placet:fault"


def test_a_dropped_request_is_a_broken_connection_without_an_effect(
    bss: httpx.Client, adjustments: Callable[[], int]
) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(bss, "drop")
    assert adjustments() == 0


@pytest.mark.parametrize("status", [409, 429, 500, 503])
def test_a_status_is_answered_without_an_effect(bss: httpx.Client, adjustments: Callable[[], int], status: int) -> None:
    response = post(bss, f"status={status}")
    assert (response.status_code, response.json()["code"]) == (status, "injectedFault")
    assert adjustments() == 0


def test_a_status_after_is_answered_although_the_effect_is_there(
    bss: httpx.Client, adjustments: Callable[[], int]
) -> None:
    assert post(bss, "status_after=504").status_code == 504
    assert adjustments() == 1


def test_garbage_is_answered_although_the_effect_is_there(bss: httpx.Client, adjustments: Callable[[], int]) -> None:
    response = post(bss, "garbage")
    assert response.status_code == 201
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()
    assert adjustments() == 1


@pytest.mark.parametrize(("fault", "done"), [("hang", 0), ("stall", 1)])
def test_no_answer_ever_comes_and_only_a_stalled_request_was_processed(
    bss: httpx.Client, adjustments: Callable[[], int], fault: str, done: int
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        post(bss, fault, timeout=2.0)
    assert adjustments() == done


def test_latency_delays_and_combines_with_an_outcome(bss: httpx.Client, adjustments: Callable[[], int]) -> None:
    began = time.monotonic()
    assert post(bss, "latency=120").status_code == 201
    assert time.monotonic() - began >= 0.12
    began = time.monotonic()
    assert post(bss, "latency=120;status=503").status_code == 503
    assert time.monotonic() - began >= 0.12
    assert adjustments() == 1


def test_a_rule_meets_the_next_request_it_matches_and_is_then_used_up(
    bss: httpx.Client, adjustments: Callable[[], int]
) -> None:
    rule = {"method": "post", "path": ADJUST, "fault": "lost", "count": 1}
    assert bss.post("/sandbox/faults", json=rule).status_code == 201
    assert bss.get(ADJUST).status_code == 200
    assert bss.get(f"{BUCKET}/B-{CUSTOMER}").status_code == 200
    shown = rule | {"method": "POST", "behind": None, "seconds": None, "about": ""}
    assert bss.get("/sandbox/faults").json() == [shown]
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        bss.post(ADJUST, json=BODY)
    assert bss.get("/sandbox/faults").json() == []
    assert bss.post(ADJUST, json=BODY).status_code == 201
    assert adjustments() == 2


def test_rules_are_met_in_order_counted_down_and_cleared(bss: httpx.Client) -> None:
    path = "/tmf-api/prepayBalanceManagement"
    for fault, count in (("status=500", 2), ("status=503", None)):
        bss.post("/sandbox/faults", json={"path": path, "fault": fault, "count": count})
    seen = [bss.get(f"{BUCKET}/B-{CUSTOMER}").status_code for _ in range(4)]
    assert seen == [500, 500, 503, 503]
    bss.delete("/sandbox/faults")
    bss.post("/sandbox/faults", json={"path": path, "fault": "status=500", "behind": "post", "count": 1})
    assert bss.get(f"{BUCKET}/B-{CUSTOMER}").status_code == 200
    assert bss.post(ADJUST, json=BODY).status_code == 201
    assert [bss.get(f"{BUCKET}/B-{CUSTOMER}").status_code for _ in range(2)] == [500, 200]
    bss.post("/sandbox/faults", json={"path": path, "fault": "status=503"})
    assert bss.get("/tmf-api/customerManagement/v4/customer/C00001").status_code == 200
    assert bss.delete("/sandbox/faults").status_code == 204
    assert bss.get(f"{BUCKET}/B-{CUSTOMER}").status_code == 200


def test_faults_by_configuration_are_in_force_from_the_start_and_the_header_goes_first() -> None:
    config = SandboxConfig(faults=(FaultRule(path=BUCKET, fault="status=503", count=1),))
    with running(config) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        path = f"{BUCKET}/B-{CUSTOMER}"
        assert client.get(path, headers={"X-Sandbox-Fault": "status=409"}).status_code == 409
        assert client.get(path).status_code == 503
        assert client.get(path).status_code == 200


BAD_FAULTS = ["", "explode", "latency", "latency=x", "latency=60001", "status=200", "status=600", "lost=1", "lost;drop"]


@pytest.mark.parametrize("text", BAD_FAULTS)
def test_a_fault_nobody_knows_is_refused_not_ignored(
    bss: httpx.Client, adjustments: Callable[[], int], text: str
) -> None:
    with pytest.raises(ValueError, match="fault"):
        parse_fault(text)
    response = post(bss, text)
    assert (response.status_code, response.json()["code"]) == (400, "invalidFault")
    refused = bss.post("/sandbox/faults", json={"fault": text})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalidBody")
    assert adjustments() == 0


def test_a_hanging_request_does_not_keep_the_server_from_stopping() -> None:
    with running(SandboxConfig()) as url:
        client = httpx.Client(base_url=url, timeout=1.0)
        with pytest.raises(httpx.ReadTimeout):
            client.get(BUCKET, headers={"X-Sandbox-Fault": "hang"})
        began = time.monotonic()
    assert time.monotonic() - began < GUARD
    with pytest.raises(httpx.ConnectError):
        client.get(BUCKET)
    client.close()
