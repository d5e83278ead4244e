"""Errors as the caller meets them: RFC 9457 problem details, with our stable code and never a traceback."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import compile_path
from temporalio.service import RPCError

from placet.contracts.base import first_fault
from placet.contracts.text import one_line
from placet.errors import (
    ConfigurationError,
    DecisionRefused,
    GovernanceError,
    PlacetError,
    PolicyError,
    StorageError,
    UpstreamUnavailable,
    UsageError,
)
from placet.storage.sql.reading import UNREADABLE

_LOG = logging.getLogger(__name__)

_BY_CODE: Mapping[str, int] = {
    "forbidden": 403,
    "unknown_run": 404,
    "unknown_day": 404,
    "no_proposal": 404,
    "run_key_conflict": 409,
    "idempotency_conflict": 409,
    "late": 409,
    "signals_exhausted": 409,
    "not_running": 409,
    "artifact_erased": 410,
    "unknown_halt": 404,
    "unknown_mandate": 404,
    "unknown_delegation": 404,
    "unknown_key": 404,
    "unknown_batch": 404,
    "unknown_link": 404,
    "unknown_token": 404,
    "unknown_approver": 404,
    "unknown_customer": 404,
    "unknown_letter": 404,
    "unknown_segment": 404,
    "unknown_model": 404,
    "unknown_strategy": 404,
    "unknown_rollout": 404,
    "unknown_signature": 404,
    "unknown_journey": 404,
    "strategy_altered": 409,
    "journey_altered": 409,
    "rollout_altered": 409,
    "strategy_unpublished": 409,
    "rollout_over": 409,
    "journey_over": 409,
    "already_held": 409,
    "already_withdrawn": 409,
    "four_eyes": 403,
    "no_head": 404,
    "not_covered": 404,
    "unknown_entry": 404,
    "already_revoked": 409,
    "key_already_enrolled": 409,
    "mandate_in_force": 409,
    "not_executed": 409,
    "is_reversal": 409,
    "already_reversed": 409,
    "reversal_under_way": 409,
    "documents_erased": 410,
    "prompt_gone": 409,
    "changed_meanwhile": 409,
    "row_contradicts_record": 409,
    "outcomes_altered": 409,
    "model_damaged": 409,
    "invitation_gone": 404,
    "invitation_used": 409,
    "wrong_statement": 422,
    "not_in_batch": 422,
}
_BY_TYPE: Sequence[tuple[type[PlacetError], int]] = (
    (UsageError, 422),
    (DecisionRefused, 422),
    (StorageError, 503),
    (UpstreamUnavailable, 503),
    (ConfigurationError, 503),
    (PolicyError, 503),
)
# What a caller is told when the fault is ours: the full line names files and hosts, and belongs in our log.
_OURS: Mapping[type[PlacetError], str] = {
    StorageError: "the database did not take the request; try again",
    ConfigurationError: "this installation is not working; its operator finds the cause with `placet doctor`",
    PolicyError: "its policies are not in order, so that every answer is no; `placet policy check` names the fault",
}
_UNREADABLE = (
    "a row of the database holds what Placet never writes, and cannot be read; the server's log names it, and trying "
    "again does not help"
)
_DETAIL = 1000


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Make one problem document (RFC 9457).

    `type` is `about:blank`: the meaning is that of the status, and `code` says which case of it.
    """
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": one_line(detail, _DETAIL),
        "code": code,
    }
    return JSONResponse(document, status, headers, media_type="application/problem+json")


def engine_unavailable(error: RPCError) -> UpstreamUnavailable:
    """Make the error for a call that Temporal did not take; show the status, not Temporal's own words."""
    return UpstreamUnavailable(
        f"Temporal did not take the request ({error.status.name}); try again", code="engine_unavailable"
    )


def register(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(PlacetError, _refused)
    app.add_exception_handler(RPCError, _engine)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: PlacetError) -> int:
    """Return the HTTP status that an error stands for; what nobody foresaw is 500."""
    # What fails a signed document has codes of its own, some of the same name, and is always 422.
    named = isinstance(error, (UsageError, GovernanceError)) and not isinstance(error, DecisionRefused)
    if named and error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_TYPE if isinstance(error, kind)), 500)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PlacetError)  # noqa: S101 - registered for this class
    return answer_to(error)


def answer_to(error: PlacetError) -> Response:
    """Return the problem that an error is; the full line of a fault of ours goes to our log."""
    status, line = status_of(error), one_line(str(error), _DETAIL)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, UpstreamUnavailable):
        return problem(status, error.code, line)
    _LOG.error("answered %d (%s): %s", status, error.code, line)
    if isinstance(error, StorageError) and error.code == UNREADABLE:
        return problem(status, error.code, _UNREADABLE)
    ours = next((text for kind, text in _OURS.items() if isinstance(error, kind)), "the request failed here")
    return problem(status, error.code, ours)


async def _engine(request: Request, error: Exception) -> Response:
    assert isinstance(error, RPCError)  # noqa: S101 - registered for this class
    _LOG.error("Temporal refused a call: %s: %s", error.status.name, one_line(str(error), _DETAIL))
    return await _refused(request, engine_unavailable(error))


async def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    return problem(422, "malformed", f"malformed: {first_fault(error)}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    code = HTTPStatus(error.status_code).name.lower()
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        headers = {"Allow": ", ".join(sorted(methods))}
    return problem(error.status_code, code, str(error.detail), headers)


def _methods(request: Request) -> set[str]:
    """Return the methods that the path of `request` accepts.

    Each method is a route of its own, and Starlette names only the first.
    """
    paths, here = request.app.openapi()["paths"], request.url.path
    if here in paths:  # it would match the paths that have a name in this place as well
        return {method.upper() for method in paths[here]}
    found = [operations for path, operations in paths.items() if compile_path(path)[0].match(here)]
    return {method.upper() for operations in found for method in operations}


async def _unexpected(_request: Request, _error: Exception) -> Response:
    return problem(500, "internal", "the request failed here; the server's log says why")
