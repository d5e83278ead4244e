"""Who would be told, over which channels; nothing is sent."""

from collections.abc import Iterator
from datetime import UTC, datetime

from placet.doctor.report import Finding
from placet.entrypoints.senders import build_senders
from placet.entrypoints.settings import Settings
from placet.notify.address_book import load_address_book


def notifications(settings: Settings) -> Iterator[Finding]:
    """Check the address book, and what its senders need."""
    if settings.notify_file is None:
        advice = "set PLACET_NOTIFY_FILE to tell people by e-mail or webhook"
        yield Finding("info", "notifications", "on the console alone", advice)
        return
    book = load_address_book(settings.notify_file)
    for sender in build_senders(settings, book, lambda: datetime.now(UTC)).values():
        sender.close()
    told = [*(entry.address for entry in book.email), *(f"webhook {entry.name}" for entry in book.webhook)]
    yield Finding("ok", "notifications", f"{', '.join(told) or 'nobody is listed'}, and the console")
    served = set(settings.tenants)
    for entry in (*book.email, *book.webhook):
        if unserved := sorted(set(entry.tenants) - served):
            detail = f"tenant {unserved[0]!r} in {str(settings.notify_file)!r} is not among those served here"
            yield Finding("info", "notifications", detail, "set PLACET_TENANTS where the worker runs")
            return
