"""The BSS behind a running system, for tests: what reached it, what it committed, how it fails."""

from typing import Any

import httpx


class BssBehind:
    """Asks the sandbox BSS directly, past everything of ours."""

    _bss: httpx.Client

    def bss(self, path: str) -> Any:
        """Ask the BSS directly."""
        return self._bss.get(path).raise_for_status().json()

    def break_bss(self, method: str, path: str, fault: str, count: int | None = None, **more: Any) -> None:
        """Let requests meet a fault; `seconds` and `about` as in `FaultRule`."""
        rule = {"method": method, "path": path, "fault": fault, "count": count, **more}
        self._bss.post("/sandbox/faults", json=rule).raise_for_status()

    def mend_bss(self) -> None:
        """Clear all faults."""
        self._bss.delete("/sandbox/faults").raise_for_status()

    def patch_bss(self, path: str, change: dict[str, Any]) -> None:
        """Change state in the BSS behind our back."""
        self._bss.patch(path, json=change).raise_for_status()

    def effects(self, customer: str | None = None) -> dict[str, Any]:
        """How many mutations the BSS committed."""
        return dict(self.bss(f"/sandbox/effects{f'?customer={customer}' if customer else ''}"))

    def received(self, request: str) -> int:
        """How many requests like `POST /path` reached the BSS, whatever became of them."""
        return int(self.bss("/sandbox/requests").get(request, 0))

    def keys_are_shown(self, bucket: str = "B-C00005") -> None:
        """Let the BSS hold an adjustment of ours on this bucket already, so that it is known to show our keys."""
        body = {
            "adjustType": "oneTimeChargeCredit",
            "description": f"placet:{'0' * 64}",
            "amount": {"amount": 0.01, "units": "USD"},
            "bucket": {"id": bucket},
        }
        self._bss.post("/tmf-api/prepayBalanceManagement/v4/adjustBalance", json=body).raise_for_status()
