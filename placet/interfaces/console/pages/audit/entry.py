"""One entry of the record, and its proof as a file."""

import re
from typing import Final

from starlette.responses import Response

from placet.errors import UsageError
from placet.interfaces.console.pages.audit.tabs import audited
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.record import told_entry
from placet.service.keeping.following import prove_number
from placet.service.reading.checks import newest_head
from placet.service.reading.entries import find_entry

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")


def show(asked: Asked) -> Response:
    """Show an entry in full, and how it is proven."""
    served = asked.parts.served
    stream, seq = asked.request.path_params["stream"], asked.request.path_params["seq"]
    found = find_entry(served.database, served.tenant, stream, min(seq, 2**62))
    with served.database.reading() as tx:
        head = newest_head(tx, served.tenant)
    provable = found.number is not None and head is not None and found.number <= head.size
    return audited(
        asked,
        "entry.html",
        it=told_entry(found),
        provable=provable,
        file=None if found.number is None else _file(served.tenant, found.number),
        head=head,
    )


def proof(asked: Asked) -> Response:
    """Return the proof of one entry under the newest signed head, as a file that verifies offline."""
    served, number = asked.parts.served, asked.request.path_params["number"]
    with served.database.snapshot() as tx:
        note = tx.checkpoints.newest(served.tenant)
        if note is None:
            raise UsageError("no head of this log was signed yet; a worker signs one every few seconds", code="no_head")
        if not 1 <= number < 2**62:
            raise UsageError(f"the record has no entry {number}", code="unknown_entry")
        bundle = prove_number(tx, served.tenant, number, note)
    return Response(
        bundle.model_dump_json(indent=2) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{_file(served.tenant, number)}"'},
    )


def _file(tenant: str, number: int) -> str:
    return f"proof-{_UNSAFE.sub('-', tenant)}-{number}.json"
