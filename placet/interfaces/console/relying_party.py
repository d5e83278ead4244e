"""Where passkeys are used: the relying party and the origin of a page (W3C Web Authentication Level 3, section 5)."""

from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from placet.contracts.people.passkey import Host, Origin

_ORIGIN: TypeAdapter[str] = TypeAdapter(Origin)
_HOST: TypeAdapter[str] = TypeAdapter(Host)


class Party(NamedTuple):
    """Whose passkeys a page may ask for. `origin` is the exact one that they are bound to."""

    rp_id: str
    origin: str


def party_of(request: Request, public_url: str) -> Party | None:
    """Return the relying party of a page; None where browsers have no passkeys: by plain http, save on localhost.

    Behind a proxy it is what `PLACET_CONSOLE_URL` says, whatever a request claims.
    """
    origin = (public_url or f"{request.url.scheme}://{request.headers.get('host', '')}").lower()
    try:
        _ORIGIN.validate_python(origin)
        return Party(_HOST.validate_python(urlsplit(origin).hostname or ""), origin)
    except ValidationError:
        return None


def advice_for(request: Request, public_url: str) -> str:
    """Say what to do where there is no relying party."""
    host, _, port = request.headers.get("host", "").rpartition(":")
    if not public_url and (host or port) in ("127.0.0.1", "[::1]"):
        return f"Passkeys are bound to names. Open this page at http://localhost:{port}{request.url.path} instead."
    return (
        "Browsers use passkeys by https only. Put a proxy with a certificate in front of the console, and say its "
        "address in PLACET_CONSOLE_URL."
    )
