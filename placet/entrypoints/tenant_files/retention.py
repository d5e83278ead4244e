"""How long what is kept: from the settings, and from how far the contact policies in force look back."""

from agents.catalogue import names
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.contact import ContactFiles
from placet.governance.retention import Periods


def periods(settings: Settings, tenant: str) -> Periods:
    """Return how long what is kept of `tenant`.

    Raises:
        PolicyError: a contact policy cannot be read, so that nobody knows how far it looks back.
    """
    contact = ContactFiles(settings.policy_dir)
    return Periods(
        classes={"evidence": settings.retain_evidence_days, "proposal": settings.retain_proposals_days},
        notices=settings.retain_notices_days,
        events=settings.retain_events_days,
        given=max((contact(tenant, agent).reach_days for agent in names()), default=0),
    )
