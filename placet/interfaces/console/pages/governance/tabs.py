"""What stands under Governance."""

from typing import Any, Final

from starlette.responses import Response

from placet.errors import PlacetError
from placet.interfaces.console.parts import ROOT, Asked

TABS: Final = (
    ("policies", "Policies", "policies"),
    ("what-if", "What if", "policies"),
    ("mandates", "Mandates", "mandates"),
    ("delegations", "Delegations", "delegations"),
    ("reversals", "Reversals", "runs"),
    ("notifications", "Notifications", "notifications"),
    ("oversight", "Oversight", "oversight"),
)
"""Path, label, and the area that policy is asked about."""


def governed(asked: Asked, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of governance, with the tabs that its visitor may read."""
    base = f"{ROOT}/governance"
    tabs = [
        {"href": f"{base}/{path}", "label": label, "here": asked.request.url.path.startswith(f"{base}/{path}")}
        for path, label, area in TABS
        if asked.may("read", area)
    ]
    return asked.page(f"governance/{template}", status, tabs=tabs, tabs_label="Governance", **values)


def known_treatments(asked: Asked) -> list[str]:
    """Return the codes that agents know, to help who types one; none where an agent cannot say."""
    try:
        return sorted({code for agent in asked.parts.served.agents for code in asked.parts.installed.treatments(agent)})
    except PlacetError:
        return []
