"""The OpenAPI description of the API: what FastAPI derives, and what it cannot know: the token and the problems."""

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from placet.contracts.base import Frozen
from placet.interfaces.http.guard import HEALTH

_PROBLEMS: Mapping[int, str] = {
    401: "The bearer token is missing or wrong.",
    404: "There is no such thing here.",
    409: "It collides with what is there already, or came too late.",
    410: "It was erased.",
    413: "The body is too large.",
    422: "The request is malformed, or was refused for the reason that `code` names.",
    500: "The request failed here.",
    503: "The database or Temporal cannot be used now; ask again.",
}
_BEARER = "bearer"
_UNUSED = ("HTTPValidationError", "ValidationError")
"""FastAPI's own form of a malformed request, which this API never answers with."""


class Problem(Frozen, defer_build=False):
    """RFC 9457 problem details; `code` is stable, `detail` is one line for people."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    code: str


def describe(app: FastAPI) -> None:
    """Let `app` describe itself in full: every error of every endpoint, and the token that all but one ask for."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(
                get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            )
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]  # how FastAPI has it extended


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer"}}
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for path, operations in document["paths"].items():
        if path == HEALTH:
            continue
        for operation in operations.values():
            operation["security"] = [{_BEARER: []}]
            operation["responses"] |= {str(status): _problem(said) for status, said in _PROBLEMS.items()}
    return document


def _problem(said: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": said, "content": {"application/problem+json": {"schema": schema}}}
