"""What the sentences are made of: names, digests, moments, and what the one who acted wrote."""

from datetime import datetime

from placet.contracts.audit import AuditEvent
from placet.contracts.text import NAME, one_line, quoted, wrote
from placet.contracts.times import minute

_SHOWN = 16
"""Of a digest, in characters."""


def because(event: AuditEvent) -> str:
    """Return what the one who acted wrote as a reason."""
    reason = event.body.get("reason")
    return f"; {wrote(event.actor, reason)}" if isinstance(reason, str) and reason else ""


def detail_of(event: AuditEvent) -> str:
    """Return the detail of an entry, quoted, where it has one."""
    detail = event.body.get("detail")
    return f": {quoted(detail)}" if isinstance(detail, str) and detail else ""


def signer_of(event: AuditEvent) -> str:
    """Return words that name who signed what was refused, or say that no good key signed it.

    They are empty for entries that were written before signers were recorded.
    """
    if "signer" not in event.body:
        return ""
    signer = event.body["signer"]
    return f" that {name_of(signer)} signed" if signer else " that no good key signed"


def code_of(event: AuditEvent) -> str:
    """Return the code of what was refused or failed, in brackets, and its detail where it has one."""
    return f"({name_of(event.body['code'])}){detail_of(event)}"


def name_of(value: object) -> str:
    """Return a name or code of ours, as one line."""
    return one_line(str(value), NAME)


def words_of(code: object) -> str:
    """Return a code as words."""
    return name_of(code).replace("_", " ")


def digest_of(value: str) -> str:
    """Return the beginning of a digest or id."""
    return one_line(value, NAME)[:_SHOWN]


def moment_of(text: str) -> str:
    """Return a time as people read it; what is none, as it stands."""
    try:
        return minute(datetime.fromisoformat(text))
    except ValueError:
        return one_line(text, NAME)
