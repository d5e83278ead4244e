"""Scripts and styles: read once, compressed once, each at an address that changes with its content."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_FOLDER: Final = "placet.interfaces.console"
_VERSION: Final = 12
"""Of the digest in an address, in characters."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    compressed: bytes
    media_type: str
    version: str


@cache
def assets() -> dict[str, Asset]:
    """Return every file that may be asked for, by name."""
    found = {}
    for file in resources.files(_FOLDER).joinpath("assets").iterdir():
        ending = f".{file.name.rpartition('.')[2]}"
        if ending in _TYPES:
            content = file.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:_VERSION]
            found[file.name] = Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[ending], version)
    return found


def address_of(name: str) -> str:
    """Return the address of a file, which is another one when its content is."""
    return f"/console/assets/{name}?v={assets()[name].version}"


async def serve_asset(request: Request) -> Response:
    """Serve one file; whoever has it under this address need not ask again. It says nothing about anybody."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        raise HTTPException(404)
    headers = {"Vary": "Accept-Encoding"}
    if request.query_params.get("v") == asset.version:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=headers, media_type=asset.media_type)
