"""The API describes itself whole: every operation has its words, its errors and its token, every body an example."""

import warnings
from typing import Any, cast
from unittest.mock import Mock

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from pydantic import SecretStr, TypeAdapter

from placet.contracts.events.kinds import EVENT
from placet.errors import DecisionRefused
from placet.governance.signing import dsse
from placet.interfaces.http.access import query_of, takes_body
from placet.interfaces.http.app import ENDPOINTS, create_app
from placet.interfaces.http.endpoints.common import Signed, text_of
from placet.interfaces.http.examples import EVENT_EXAMPLE, EXAMPLES

ERRORS = {"400", "401", "403", "404", "408", "409", "410", "413", "422", "500", "503"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    nothing = cast("Any", None)  # no request is made
    with warnings.catch_warnings(action="error", category=UserWarning):
        return create_app(nothing, nothing, tenant="demo", agents=(), token=SecretStr("a-token-of-twenty-ch")).openapi()


def operations(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, one) for path, methods in described["paths"].items() for one in methods.values()]


def faults(described: dict[str, Any], schema: dict[str, Any], example: Any) -> list[str]:
    whole = {**schema, "components": described["components"]}
    return [fault.message for fault in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(example)]


def test_every_operation_says_what_it_does_who_may_and_how_it_fails(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1.")
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    tags = {tag["name"] for tag in described["tags"]}
    for path, one in operations(described):
        assert one["summary"] != one["operationId"]
        assert one["description"].startswith(one["summary"])
        assert set(one["tags"]) <= tags
        if path in ("/healthz", "/livez"):
            assert "security" not in one
            continue
        assert one["security"] == [{"bearer": []}], path
        assert set(one["responses"]) >= ERRORS, path
        for status in ERRORS:
            ((kind, content),) = one["responses"][status]["content"].items()
            assert (kind, content["example"]["status"]) == ("application/problem+json", int(status))
            assert faults(described, content["schema"], content["example"]) == []
    names = [one["operationId"] for _, one in operations(described)]
    assert len(set(names)) == len(names) > len(ENDPOINTS)
    assert {tag for _, one in operations(described) for tag in one["tags"]} == tags


def test_what_is_checked_before_an_endpoint_is_what_is_described(described: dict[str, Any]) -> None:
    """A query parameter that is described is known, and a body that is described is taken; nothing else is."""
    routes = [route for kind in ENDPOINTS for route in kind(Mock()).router().routes if isinstance(route, APIRoute)]
    assert len(routes) == len(operations(described)) - len(("/healthz", "/livez"))
    for route in routes:
        (method,) = sorted(route.methods or ())
        one = described["paths"][route.path][method.lower()]
        query = [said for said in one.get("parameters", ()) if said["in"] == "query"]
        assert query_of(route) == {said["name"]: said["schema"].get("type") == "array" for said in query}, route.path
        assert takes_body(route) == ("requestBody" in one), route.path


def test_every_example_is_what_its_schema_says_and_every_body_has_one(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for name in EXAMPLES:
        (example,) = schemas[name]["examples"]
        assert faults(described, {"$ref": f"#/components/schemas/{name}"}, example) == [], name
    bodies = [one["requestBody"] for _, one in [*operations(described), *webhooks(described)] if "requestBody" in one]
    for body in bodies:
        for content in body["content"].values():
            schema = content["schema"]
            named = [part["$ref"].rpartition("/")[2] for part in schema.get("anyOf", [schema]) if "$ref" in part]
            assert named or "example" in content
            assert set(named) <= set(EXAMPLES), named
    assert EVENT.validate_python(dict(EVENT_EXAMPLE)).subject == "customer:C00009"


def test_the_examples_of_signed_documents_are_envelopes_that_can_be_read(described: dict[str, Any]) -> None:
    assert dsse.parse(text_of(TypeAdapter(Signed).validate_python(EXAMPLES["Signed"]))).payloadType == dsse.PAYLOAD_TYPE
    with pytest.raises(DecisionRefused):
        text_of(TypeAdapter(Signed).validate_python({**EXAMPLES["Signed"], "payloadType": "text/plain"}))


def test_what_is_sent_to_others_is_described_with_its_signature(described: dict[str, Any]) -> None:
    ((_, one),) = webhooks(described)
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= {each["name"] for each in one["parameters"]}


def webhooks(described: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, one) for name, methods in described["webhooks"].items() for one in methods.values()]
