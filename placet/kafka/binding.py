"""CloudEvents in Kafka messages: the Kafka protocol binding 1.0.2 (github.com/cloudevents/spec, `bindings`).

Structured mode: the value is a whole event, and the header `content-type` begins with `application/cloudevents`.
Binary mode: the value is the event's data, each attribute is a header that begins with `ce_`, and `content-type` is
that of the data. A message with neither header is read as structured: whoever takes events says whether it is one.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

from placet.contracts.events.envelope import MOST_EVENT_BYTES, Unreadable
from placet.contracts.text import NAME, one_line

_PREFIX: Final = "ce_"
_CONTENT_TYPE: Final = "content-type"
_CLOUDEVENTS: Final = "application/cloudevents"
_STRUCTURED: Final = "application/cloudevents+json"
_JSON: Final = "application/json"

Headers = Sequence[tuple[str, str | bytes | None]]


class _NotAnEventError(Exception):
    """Says why a message is none."""


class _TooLargeError(Exception):
    """The value of a message is larger than any event."""


def event_text(headers: Headers, value: bytes | None) -> bytes | Unreadable:
    """Return the event of a message in CloudEvents' JSON format, or why there is none."""
    given, faults = dict[str, str](), list[_NotAnEventError]()
    content = value or b""
    for name, raw in headers:
        try:
            _add(given, name.lower(), raw)
        except _NotAnEventError as fault:
            faults.append(fault)  # the others are kept all the same: they may say whom it is about
    try:
        if faults:
            raise faults[0]
        return _event(given, content)
    except _NotAnEventError as fault:
        return Unreadable(_kept(given, content), str(fault))
    except _TooLargeError:
        return Unreadable(_kept(given, b""), f"it has more than {MOST_EVENT_BYTES:,} bytes", "too_large")


def headless(value: bytes | None) -> Unreadable:
    """Return what is kept of a message whose headers nobody can read: without them it is not known what it is."""
    content = value or b""
    if len(content) > MOST_EVENT_BYTES:
        return Unreadable(_kept({}, b""), f"it has more than {MOST_EVENT_BYTES:,} bytes", "too_large")
    return Unreadable(_kept({}, content), "the name of one of its headers is not UTF-8")


def _add(given: dict[str, str], name: str, raw: str | bytes | None) -> None:
    """Add a header, if it is one of ours."""
    if name != _CONTENT_TYPE and not name.startswith(_PREFIX):
        return
    if name in given:
        raise _NotAnEventError(f"its header {_shown(name)} comes twice")
    given[name] = _text(name, raw)


def _event(given: dict[str, str], value: bytes) -> bytes:
    attributes = {name.removeprefix(_PREFIX): text for name, text in given.items() if name != _CONTENT_TYPE}
    media = given.get(_CONTENT_TYPE)
    kind = None if media is None else media.partition(";")[0].strip().lower()
    if kind is None or not kind.startswith(_CLOUDEVENTS):
        return _joined(attributes, kind, value) if attributes else value
    if kind != _STRUCTURED:
        raise _NotAnEventError(f"its content type is {_shown(kind)}; a whole event is sent as {_STRUCTURED!r}")
    return value


def _joined(attributes: dict[str, str], kind: str | None, value: bytes) -> bytes:
    """Return the event of a message in binary mode, as JSON."""
    if len(value) > MOST_EVENT_BYTES:
        raise _TooLargeError
    event: dict[str, Any] = dict(attributes)
    if "data" in event or "data_base64" in event:
        raise _NotAnEventError("its data are in a header; the data of an event are the value of the message")
    if kind is not None:
        event["datacontenttype"] = kind
    if value:
        if kind not in (None, _JSON):
            raise _NotAnEventError(f"its data are of type {_shown(str(kind))}; send {_JSON!r}")
        try:
            event["data"] = json.loads(value)
        except (ValueError, RecursionError):
            raise _NotAnEventError("its value is not JSON") from None
    try:
        return json.dumps(event).encode()
    except RecursionError:  # what could be read, just so
        raise _NotAnEventError("its value nests too deep") from None


def _kept(given: dict[str, str], value: bytes) -> bytes:
    """Return what is kept of a message that is no event: its headers, and its value as `data_base64`."""
    return json.dumps({**given, "data_base64": base64.b64encode(value).decode()}).encode()


def _text(name: str, raw: str | bytes | None) -> str:
    if raw is None:
        raise _NotAnEventError(f"its header {_shown(name)} has no value")
    try:
        return raw if isinstance(raw, str) else raw.decode()
    except UnicodeDecodeError:
        raise _NotAnEventError(f"its header {_shown(name)} is not UTF-8") from None


def _shown(text: str) -> str:
    return one_line(repr(text), NAME)
