"""What each entry of the record says, in one sentence for an auditor. The exact entry is in JSON output.

Figures and names come from the entry's body. What a person, a model or another system wrote stands in quotation marks.
A kind that is not known here, or a body that is not the shape its kind has, is told by its code and detail: the record
is shown whatever stands in it.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.text import one_line, quoted
from placet.interfaces.telling.journeys import OF_JOURNEYS
from placet.interfaces.telling.parts import digest_of, name_of
from placet.interfaces.telling.rollouts import OF_ROLLOUTS
from placet.interfaces.telling.runs import OF_RUNS
from placet.interfaces.telling.tenants import OF_TENANTS

_TELLERS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
    **OF_RUNS,
    **OF_TENANTS,
    **OF_ROLLOUTS,
    **OF_JOURNEYS,
}


def in_words(event: AuditEvent) -> str:
    """Return one line that says what the entry records."""
    teller = _TELLERS.get(cast("RecordKind", event.kind))  # of another version, it may be another one
    try:
        told = teller(event) if teller is not None else ""
    except (KeyError, TypeError, ValueError, AttributeError):
        told = ""  # altered, or of another version: what can be said of any entry is said
    return one_line(f"{told or _any(event)}{_vouched(event)}", 600)


def who(event: AuditEvent) -> str:
    """Return who acted. Of what does not count that is who signed it, where their good key did: no more is known."""
    signer = event.body.get("signer")
    known = event.actor == "unverified" and isinstance(signer, str)
    return f"signed by {name_of(signer)}" if known else event.actor


def _vouched(event: AuditEvent) -> str:
    token, passkey = event.body.get("token"), event.body.get("passkey")
    if isinstance(passkey, str):
        return f" (signed in with passkey {digest_of(passkey)})"
    return f" (its token {digest_of(token)} says who asked)" if isinstance(token, str) else ""


def _any(event: AuditEvent) -> str:
    body = event.body
    parts = [name_of(body[name]) for name in ("name", "treatment", "state", "code") if isinstance(body.get(name), str)]
    detail = body.get("detail") or body.get("reason")
    if isinstance(detail, str):
        parts.append(quoted(detail))
    return ", ".join(parts) or event.kind.replace(".", ": ").replace("_", " ")
