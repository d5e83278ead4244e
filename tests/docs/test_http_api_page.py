"""The page of the HTTP API names every endpoint, with its method, and no other."""

import re
import warnings
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from placet.interfaces.http.app import create_app

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_endpoint_is_documented_and_no_other() -> None:
    section = PAGE.read_text().split("## The HTTP API")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([A-Z]+) (\S+)` \|", section, re.MULTILINE))
    nothing = cast("Any", None)  # no request is made
    with warnings.catch_warnings(action="error", category=UserWarning):
        app = create_app(nothing, nothing, tenant="demo", agents=(), token=SecretStr("a-token-of-twenty-ch"))
    served = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert told == served
