"""The OpenAPI description of the API: what FastAPI derives, and what it cannot know: the token and the problems."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header
from fastapi.openapi.utils import get_openapi

from placet.contracts.base import Frozen
from placet.contracts.notification import WebhookMessage
from placet.contracts.schemas.fields import described
from placet.interfaces.http.examples import EXAMPLES, REFUSED
from placet.interfaces.http.guard import OPEN

_PROBLEMS: Mapping[int, str] = {
    400: "The body is no text that could be read.",
    401: "The bearer token is missing or wrong.",
    403: "The token does not permit it.",
    404: "There is no such thing here.",
    408: "The body did not arrive in time.",
    409: "It collides with what is there already, or came too late.",
    410: "It was erased.",
    413: "The body is too large.",
    422: "The request is malformed, or was refused for the reason that `code` names.",
    500: "The request failed here.",
    503: "The database or Temporal cannot be used now; ask again.",
}
_BEARER = "bearer"
_TAGS: Mapping[str, str] = {
    "runs": "Governed agent runs: start, find, decide, cancel and reverse them.",
    "walkthroughs": "Links that show a run, redacted, to somebody who has no token.",
    "inbox": "What waits for a person.",
    "batches": "One signature over many decisions.",
    "customers": "What our own record knows of customers; billing is not asked.",
    "events": "What happens to customers: events in, and those that could not be taken.",
    "cohorts": "Conditions on the live state of customers, and whom they have.",
    "strategies": "What may be done for whom: check a strategy, publish it, ask for the next best action.",
    "rollouts": "Published strategies that reach their customers stage by stage, and who decided so.",
    "journeys": "Customers in strategies of several steps: who is in which, how they ended, how fast they went.",
    "models": "Models of who may leave: which there are, which one runs use, and how well each does.",
    "mandates": "What people signed beforehand, so that proposals within it need no decision each.",
    "delegations": "Who may decide in another's stead.",
    "halts": "Stop executions at once, and let them go on again.",
    "keys": "Whose signatures count.",
    "tokens": "Who may use this API.",
    "policies": "The policies in force, and why they answered as they did.",
    "record": "The record of everything that happened, its signed heads, and proofs that verify offline.",
    "notifications": "Who was told of what.",
    "oversight": "How gates were decided.",
    "health": "Whether this API can do its work.",
}
_TOKENS = (
    "A token that an administrator issued to a person or a system (`placet token issue`), or the installation's own, "
    "with which the header `X-Placet-Operator` names who asks."
)
_FIRST = re.compile(r"[.:;](?:\s|$)")
_UNUSED = ("HTTPValidationError", "ValidationError")
"""FastAPI's own form of a malformed request, which this API never answers with."""


class Problem(Frozen, defer_build=False):
    """RFC 9457 problem details; `code` is stable, `detail` is one line for people."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    code: str


# Built at once: FastAPI looks into a body before pydantic would build it, and complains.
class Message(WebhookMessage, defer_build=False):
    """What is posted."""


def describe(app: FastAPI) -> None:
    """Let `app` describe itself in full: every error, the token that nearly all ask for, and what it sends itself."""
    app.webhooks.add_api_route("notice", notice, methods=["POST"], tags=["notifications"])

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                    webhooks=app.webhooks.routes,
                )
            )
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]  # how FastAPI has it extended


def notice(
    message: Message,
    webhook_id: Annotated[str, Header(description="the same at every attempt to deliver this message")],
    webhook_timestamp: Annotated[int, Header(description="seconds since 1970; refuse one that is minutes off")],
    webhook_signature: Annotated[str, Header(description="`v1,` and the base64 of an HMAC-SHA256, one or several")],
) -> None:
    """Tell a configured address of a run that waits for people, and of what became of it (Standard Webhooks 1.0.0).

    The signature is over `id.timestamp.body`. Any 2xx answer is delivery, 410 the end of the address; everything else,
    a redirect as well, is tried again.
    """


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document["tags"] = [{"name": name, "description": said} for name, said in _TAGS.items()]
    components = document.setdefault("components", {})
    components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer", "description": _TOKENS}}
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    components["schemas"] = {name: described(schema) for name, schema in schemas.items()}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["summary"] = _summary(operation["description"])
            if path in OPEN:
                continue
            operation["security"] = [{_BEARER: []}]
            operation["responses"] |= {str(status): _problem(status, said) for status, said in _PROBLEMS.items()}
    return document


def _summary(description: str) -> str:
    """Return what an operation does, in the words before its first full stop or colon."""
    return _FIRST.split(description, maxsplit=1)[0]


def _problem(status: int, said: str) -> dict[str, Any]:
    code, detail = REFUSED[status]
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": said, "content": {"application/problem+json": {"schema": schema, "example": example}}}
