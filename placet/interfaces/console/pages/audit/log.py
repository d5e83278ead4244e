"""The record, to look through: by stream, by kind, by run, newest first."""

from typing import Any, Final
from urllib.parse import urlencode

from pydantic import TypeAdapter
from starlette.responses import Response

from placet.contracts.audit import RecordKind
from placet.contracts.base import RunId
from placet.errors import GovernanceError, UsageError
from placet.interfaces.console.pages.audit.tabs import audited
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.record import KIND_GROUPS, stream_choices, told_entry
from placet.service.given import value_of
from placet.service.reading.entries import EntryPage, look_through
from placet.storage.log.search import LOOKED_AT

_PAGE: Final = 25
_KIND: Final[TypeAdapter[Any]] = TypeAdapter(RecordKind)
_RUN: Final[TypeAdapter[str]] = TypeAdapter(RunId)
_FIELDS: Final = ("stream", "kind", "run_id")


def show(asked: Asked) -> Response:
    """Show a page of the record; what is looked for rarely may take several."""
    served, fault = asked.parts.served, ""
    filled = {name: asked.query(name) or "" for name in _FIELDS}
    streams = stream_choices(served.tenant, served.agents)
    page = EntryPage((), None)
    try:
        page = look_through(
            served.database,
            served.tenant,
            stream=_stream(filled, dict(streams)),
            kind=value_of(filled["kind"], _KIND, "kind") if filled["kind"] else None,
            after=asked.query("after"),
            limit=_PAGE,
        )
    except (UsageError, GovernanceError) as error:
        fault = str(error)
    following = {**{name: value for name, value in filled.items() if value}, "after": page.next}
    return audited(
        asked,
        "log.html",
        422 if fault else 200,
        entries=[told_entry(one) for one in page.entries],
        streams=streams,
        kinds=KIND_GROUPS,
        filled=filled,
        filtered=any(filled.values()),
        following=urlencode(following) if page.next else "",
        later=asked.query("after") is not None,
        looked_at=LOOKED_AT,
        fault=fault,
    )


def _stream(filled: dict[str, str], known: dict[str, str]) -> str | None:
    if filled["run_id"]:
        return value_of(filled["run_id"], _RUN, "run")
    if filled["stream"] and filled["stream"] not in known:
        raise UsageError("There is no such stream to choose.", code="malformed")
    return filled["stream"] or None
