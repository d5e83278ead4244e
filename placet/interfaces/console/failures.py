"""Errors as a person meets them: a page that says what happened, what was done, and where to go on."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from temporalio.service import RPCError

from placet.contracts.text import one_line
from placet.errors import ConfigurationError, PlacetError, PolicyError, StorageError
from placet.interfaces.console.parts import ROOT, Asked, Parts, around
from placet.interfaces.http.problems import engine_unavailable, status_of
from placet.storage.sql.reading import UNREADABLE

_LOG = logging.getLogger(__name__)
_DETAIL: Final = 1_000

# The full line names files and hosts, and belongs in our log.
_OURS: Final[Mapping[type[PlacetError], str]] = {
    StorageError: "The database did not take the request. Nothing was changed; try again in a moment.",
    ConfigurationError: "This installation is not working. Its operator finds the cause with `placet doctor`.",
    PolicyError: "The policies are not in order, so that every answer is no. `placet policy check` names the fault.",
}
_UNREADABLE: Final = (
    "A row of the database holds what Placet never writes, and cannot be read. It stays so until whoever owns the "
    "database looks: the server's log names the row."
)
_TITLES: Final[Mapping[int, str]] = {
    400: "This form could not be read",
    401: "Your session has ended",
    403: "You may not do this",
    404: "There is nothing here",
    405: "This page cannot be asked for in this way",
    409: "It came too late, or collides with what is there",
    410: "It was erased",
    413: "This form is too large",
    422: "This was refused",
    429: "Too many attempts",
    503: "Something that the console needs does not answer",
}
_BY_CODE: Final[Mapping[str, str]] = {
    "changed_meanwhile": "It was changed meanwhile",
    "invitation_gone": "This invitation holds no longer",
    "invitation_used": "This invitation was used already",
    "prompt_gone": "This question is closed",
    "setup_closed": "Setup is closed",
}
"""What is told by its own name, and says itself what to do next."""

_NEXT: Final[Mapping[int, str]] = {
    401: "Nothing was done. Sign in and do it again.",
    403: "Nothing was done.",
    404: "It never was here, belongs to another tenant, or its address is misspelt.",
    503: "What does not depend on it still works.",
}


class SignedOut(HTTPException):
    """A form or a live page of a session that has ended."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "the session has ended, or its token was revoked or has expired")


class Failures:
    """The handlers, for one console."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handlers(self) -> Mapping[Any, Any]:
        """Return what handles which error."""
        return {
            PlacetError: self._placet,
            RPCError: self._engine,
            HTTPException: self._http,
            Exception: self._unexpected,
        }

    async def _placet(self, request: Request, error: PlacetError) -> Response:
        status, line = status_of(error), one_line(str(error), _DETAIL)
        ours = next((text for kind, text in _OURS.items() if isinstance(error, kind)), None)
        if isinstance(error, StorageError) and error.code == UNREADABLE:
            ours = _UNREADABLE
        if ours is not None:
            _LOG.error("console answered %d (%s): %s", status, error.code, line)
        return self._page(request, status, ours or line, error.code)

    async def _engine(self, request: Request, error: RPCError) -> Response:
        _LOG.error("Temporal refused a call of the console: %s", error.status.name)
        return await self._placet(request, engine_unavailable(error))

    async def _http(self, request: Request, error: HTTPException) -> Response:
        default = HTTPStatus(error.status_code).phrase
        said = "" if error.detail == default else error.detail
        return self._page(request, error.status_code, said, HTTPStatus(error.status_code).name.lower())

    async def _unexpected(self, request: Request, _error: Exception) -> Response:
        return self._page(request, 500, "The server's log says why.", "internal")

    def _page(self, request: Request, status: int, said: str, code: str) -> Response:
        asked: Asked | None = getattr(request.state, "asked", None)
        values = {
            **(around(asked) if asked is not None else bare(self._parts)),
            "status": status,
            "title": _BY_CODE.get(code) or _TITLES.get(status, "The request failed here"),
            "said": said,
            "further": "" if code in _BY_CODE else _NEXT.get(status, ""),
            "code": code,
            "back": _run_of(request, status),
        }
        return HTMLResponse(self._parts.templates.render("error.html", values), status)


def bare(parts: Parts) -> Mapping[str, Any]:
    """Return what stands around a page for somebody who is not signed in."""
    return {
        "root": ROOT,
        "treatment": parts.treatment_name,
        "tenant": parts.served.tenant,
        "visitor": None,
        "navigation": (),
        "now": parts.clock(),
    }


def _run_of(request: Request, status: int) -> str:
    """Return the run that a refused form was about; empty where there is none to go back to."""
    run_id = request.path_params.get("run_id")
    if run_id is None or request.method != "POST" or status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED):
        return ""
    return str(run_id)
