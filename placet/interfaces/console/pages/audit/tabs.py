"""What stands under Audit."""

from typing import Any, Final

from starlette.responses import Response

from placet.interfaces.console.parts import ROOT, Asked

TABS: Final = (("/audit", "Log"), ("/audit/verification", "Verification"))


def audited(asked: Asked, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page about the record."""
    here = asked.request.url.path
    tabs = [{"href": ROOT + path, "label": label, "here": here == ROOT + path} for path, label in TABS]
    return asked.page(f"audit/{template}", status, tabs=tabs, tabs_label="Audit", **values)
