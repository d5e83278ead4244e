"""`/docs`: the API's description for people, from files of our own. FastAPI's page would load a CDN's scripts.

Anybody may load the page and its scripts, which are the same everywhere. The description comes with a token alone: the
page asks for one.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

DOCS: Final = "/docs"
ASSETS: Final = Path(__file__).parent / "assets"

_SCRIPT, _STYLE = "text/javascript", "text/css"
_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"swagger-ui-bundle.js": _SCRIPT, "swagger-ui.css": _STYLE, "docs.js": _SCRIPT, "docs.css": _STYLE}
)
OPEN_FILES: Final = frozenset({DOCS, *(f"{DOCS}/{name}" for name in _FILES)})
"""The paths that anybody may load."""

_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Swagger UI's style sheet carries its icons as `data:`.
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)


def add_docs(app: FastAPI) -> None:
    """Serve the page and what it loads."""

    def page() -> FileResponse:
        return FileResponse(ASSETS / "docs.html", media_type="text/html", headers=_HEADERS)

    def file(name: str) -> FileResponse:
        if name not in _FILES:
            raise HTTPException(404)
        return FileResponse(ASSETS / name, media_type=_FILES[name], headers=_HEADERS)

    app.add_api_route(DOCS, page, methods=["GET"], include_in_schema=False)
    app.add_api_route(f"{DOCS}/{{name}}", file, methods=["GET"], include_in_schema=False)
