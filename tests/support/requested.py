"""A run as a request leaves it: its row, and the entry of the record that the row projects."""

from placet.contracts.run import RunRequest
from placet.storage.transaction import Transaction


def request_run(tx: Transaction, request: RunRequest) -> None:
    """Put a request where `record_request` puts it."""
    tx.runs.request(request)
    body = request.model_dump(mode="json", include={"customer_id", "agent", "key", "reverses"})
    tx.record(request, "run.requested", actor=request.requested_by, at=request.requested_at, body=body)
