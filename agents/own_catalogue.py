"""`strategy.yaml` of an application: its catalogue, checked when it is read, and what it is asked on."""

from dataclasses import dataclass
from pathlib import Path

from placet.contracts.base import Digest
from placet.contracts.billing import Evidence
from placet.contracts.customer import Declared
from placet.contracts.proposal import Candidate, Reason
from placet.contracts.strategies.catalogue import Catalogue
from placet.decisioning.cohorts.run_columns import columns_of_run
from placet.decisioning.contact import ContactPolicy, within_contact_policy
from placet.decisioning.next_best_action.catalogues import weigh_catalogue
from placet.decisioning.next_best_action.worth import Ground, ground_of_run
from placet.decisioning.strategies.catalogues import read_catalogue
from placet.decisioning.words import leaving
from placet.errors import ConfigurationError
from placet.files import read_given
from placet.governance.signing.canonical import digest

FILE = "strategy.yaml"


@dataclass(frozen=True, slots=True)
class OwnCatalogue:
    """An application's catalogue, ready to be asked.

    Attributes:
        version: Its digest.
    """

    catalogue: Catalogue
    version: Digest
    ground: Ground

    def weigh(self, evidence: Evidence, churn_bp: int, contact: ContactPolicy | None) -> tuple[Candidate, ...]:
        """Weigh its treatments: the same evidence gives the same candidates; None permits what a policy would not."""
        stays = Reason(code="churn_risk_stays", detail=leaving(churn_bp))
        candidates = weigh_catalogue(self.catalogue, self.version, self.ground, evidence, churn_bp, stays)
        if contact is None:
            return candidates
        currency = self.catalogue.currency
        return within_contact_policy(candidates, contact, evidence.history, currency, evidence.read_at)


def read_own_catalogue(folder: Path, agent: str, declared: Declared) -> OwnCatalogue:
    """Read the catalogue in an application's folder.

    Raises:
        ConfigurationError: It cannot be read, is none, or is another application's.
    """
    path, known = folder / FILE, columns_of_run(declared)
    read = read_catalogue(read_given(path, "the catalogue"), known)
    if read.catalogue is None:
        first = next(one for one in read.findings if one.severity == "error")
        where = f"{first.where}: " if first.where else ""
        raise ConfigurationError(f"the catalogue '{path}:{first.line}:{first.column}' is wrong: {where}{first.said}")
    if read.catalogue.agent != agent:
        raise ConfigurationError(f"the catalogue {str(path)!r} is of agent {read.catalogue.agent!r}, not {agent!r}")
    return OwnCatalogue(read.catalogue, digest(read.catalogue), ground_of_run(known))
