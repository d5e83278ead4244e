"""What the entries of journeys say."""

from collections.abc import Callable, Mapping
from typing import Final

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.text import one_line
from placet.interfaces.telling.parts import digest_of, name_of, words_of

_LONGEST: Final = 200


def _of(event: AuditEvent) -> str:
    body = event.body
    return f"strategy {name_of(body['strategy'])} (version {digest_of(str(body['version']))})"


def _entered(event: AuditEvent) -> str:
    body = event.body
    return (
        f"let customer {name_of(body['customer_id'])} enter {_of(event)} at step {words_of(body['step'])}, "
        f"on channel {name_of(body['channel'])}"
    )


def _moved(event: AuditEvent) -> str:
    body = event.body
    run = f" (run {name_of(body['run'])})" if body.get("run") else ""
    return (
        f"moved customer {name_of(body['customer_id'])} from step {words_of(body['from'])} to {words_of(body['to'])} "
        f"of {_of(event)}{run}: {one_line(str(body['reason']), _LONGEST)}"
    )


def _ended(event: AuditEvent) -> str:
    body = event.body
    return (
        f"customer {name_of(body['customer_id'])} LEFT {_of(event)} at step {words_of(body['step'])} "
        f"({words_of(body['code'])}): {one_line(str(body['reason']), _LONGEST)}"
    )


OF_JOURNEYS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
    "journey.entered": _entered,
    "journey.moved": _moved,
    "journey.ended": _ended,
}
