"""The console's cookies: how they are called, and which of those that a browser sends are believed.

By https the names begin with `__Host-` (RFC 6265bis, section 4.1.3.2): only this host can set them, by https and for
all paths, so that no other page plants one. Browsers give no such protection by plain http: cookies ignore ports, and
any server of the same host may set them and is sent them. So there
 (1) a name holds the port, and consoles on two ports take nothing from each other;
 (2) of two cookies with one name none is believed, because a page can put one beside another's but cannot replace one
     that is `HttpOnly`: whoever plants one signs somebody out.
A server on another port can replace a cookie all the same (docs/threat-model.md): use https where others run servers.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

_PATH: Final = "/"
_DIGITS: Final = 12
_PORT_DIGITS: Final = 5
_HTTP_PORT: Final = "80"

PRE_SESSION: Final = "pre"
"""Names the cookie of a browser that is about to sign in, or to register."""

SameSite = Literal["strict", "lax"]


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of one console.

    Attributes:
        name: What every name holds: `cookie_name`.
        public_url: Where a proxy serves the console; empty where it is reached directly.
    """

    name: str
    public_url: str

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.public_url.startswith("https://")

    def called(self, request: Request, of: str = "") -> str:
        """Return the name of the session's cookie, or of another one, which `of` names."""
        suffix = f"-{of}" if of else ""
        return f"__Host-{self.name}{suffix}" if self.secure else f"{self.name}-{self._port(request)}{suffix}"

    def read(self, request: Request, of: str = "") -> str | None:
        """Return what the browser's cookie holds; None where there is none, or several of its name."""
        found = self._sent(request, of)
        return found[0] if len(found) == 1 else None

    def came(self, request: Request) -> bool:
        """Return whether the browser sent one for a session, whatever it is worth."""
        return bool(self._sent(request, ""))

    def keep(
        self,
        request: Request,
        answer: Response,
        value: str,
        lasts: timedelta,
        *,
        of: str = "",
        samesite: SameSite = "strict",
    ) -> None:
        """Let an answer give the browser a cookie; its content has no characters that must be quoted."""
        answer.set_cookie(
            self.called(request, of),
            value,
            max_age=int(lasts / timedelta(seconds=1)),
            path=_PATH,
            secure=self.secure,
            httponly=True,
            samesite=samesite,
        )

    def drop(self, request: Request, answer: Response, of: str = "", samesite: SameSite = "strict") -> None:
        """Let an answer take a cookie away."""
        answer.delete_cookie(self.called(request, of), path=_PATH, secure=self.secure, httponly=True, samesite=samesite)

    def drop_planted(self, request: Request, answer: Response) -> None:
        """Let an answer take away what else came in the session's name, so that the next request is clean."""
        if len(self._sent(request, "")) > 1:
            for path in _prefixes(request.url.path):
                answer.delete_cookie(self.called(request), path=path, httponly=True, samesite="strict")

    def _sent(self, request: Request, of: str) -> list[str]:
        name = self.called(request, of)
        pairs = (pair.partition("=") for line in request.headers.getlist("cookie") for pair in line.split(";"))
        return [value.strip() for called, _, value in pairs if called.strip() == name]

    def _port(self, request: Request) -> str:
        """Return the port that the browser knows: of the address in its location bar."""
        host = urlsplit(self.public_url).netloc or request.headers.get("host", "")
        port = host.rpartition(":")[2]
        return port if port.isascii() and port.isdecimal() and len(port) <= _PORT_DIGITS else _HTTP_PORT


def cookie_name(database: str, tenant: str) -> str:
    """Return a name of this console's own: browsers keep cookies by host, whose ports may have several consoles.

    Servers that share a database share sessions.
    """
    digest = hashlib.sha256(f"{database}\n{tenant}".encode("utf-8", "replace")).hexdigest()
    return f"placet-{digest[:_DIGITS]}"


def _prefixes(path: str) -> Iterator[str]:
    """Return the paths below the root whose cookies come with a request for this one (RFC 6265, section 5.1.4)."""
    for end, character in enumerate(path):
        if character == "/" and end:
            yield path[:end]
            yield path[: end + 1]
    if not path.endswith("/"):
        yield path
