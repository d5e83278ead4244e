"""The newest signed head, whom heads were given to, and a check of the newest entries at a click."""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from placet.errors import GovernanceError, PlacetError
from placet.governance.log.notes import VerifierKey
from placet.interfaces.console.pages.audit.tabs import audited
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.record import Checked, checked_of, failed_check
from placet.service.reading.checks import MOST_VERIFIED, Anchored, list_anchored, newest_head, verify_newest

_SECONDS: Final = 2.0
"""How long the answer of a check stands for whoever else asks."""


def show(asked: Asked) -> Response:
    """Show the status; with `verify`, what the check found, which is bounded and made once at a time."""
    served = asked.parts.served
    head, head_fault = None, ""
    anchors: tuple[Anchored, ...] = ()
    with served.database.snapshot() as tx:
        figures = tx.figures.of(served.tenant)
        try:
            head = newest_head(tx, served.tenant)
            anchors = list_anchored(tx, served.tenant)
        except GovernanceError as error:  # what cannot be read must not take away the check that says so
            head_fault = str(error)
    asks = asked.query("verify") is not None
    work = f"verify {'-' if head is None else head.size}"  # a newer head is another check
    checked = asked.parts.jobs.ask(work, lambda: _verify(asked), seconds=_SECONDS) if asks else None
    return audited(
        asked,
        "verification.html",
        head=head,
        head_fault=head_fault,
        unsigned=figures.unsigned,
        anchors=anchors,
        asks=asks,
        checked=checked,
        most=MOST_VERIFIED,
        tenant_name=served.tenant,
    )


def _verify(asked: Asked) -> Checked:
    served = asked.parts.served
    keys, why = _keys(asked)
    try:
        with served.database.snapshot() as tx:
            return checked_of(verify_newest(tx, served.tenant, keys), why)
    except GovernanceError as error:
        return failed_check(error)


def _keys(asked: Asked) -> tuple[Sequence[VerifierKey] | None, str]:
    read = asked.parts.installed.log_keys
    if read is None:
        return None, "this console knows no key of the log"
    try:
        keys = read()
    except PlacetError as error:
        return None, f"the log's key cannot be read here ({error.code})"
    return (keys, "") if keys else (None, "no key of the log is kept here")
