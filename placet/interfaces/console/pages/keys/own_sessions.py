"""Where somebody is signed in, and ending that elsewhere."""

from typing import Any

from starlette.responses import Response

from placet.contracts.people.access import SignedInBy
from placet.contracts.people.passkey import fingerprint
from placet.contracts.text import counted
from placet.interfaces.console.forms import Form
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.sessions import OpenSession


def show(asked: Asked) -> Response:
    """List the browsers in which somebody is signed in."""
    return _page(asked)


def end_others(asked: Asked, form: Form) -> Response:  # noqa: ARG001 - every form is taken so
    """End the sessions in all browsers but this one, and say how many there were."""
    ended = asked.parts.sessions.end_others(asked.visitor)
    said = f"{counted(ended, 'other session')} ended" if ended else "There was no other session"
    return _page(asked, f"{said}.")


def _page(asked: Asked, ended: str = "") -> Response:
    sessions = [_shown(one) for one in asked.parts.sessions.of(asked.visitor)]
    return asked.page("keys/sessions.html", sessions=sessions, ended=ended, fingerprint=fingerprint)


def _shown(one: OpenSession) -> dict[str, Any]:
    key_id, token_id = (one.voucher.key_id, "") if isinstance(one.voucher, SignedInBy) else ("", one.voucher)
    times = {"began_at": one.began_at, "seen_at": one.seen_at}
    return {**times, "here": one.here, "key_id": key_id, "token_id": token_id}
