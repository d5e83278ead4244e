"""Where each tenant's runs take the probability of leaving from: read once at the start, checked against the settings.

LightGBM is loaded only where a tenant's setting names a model, or a proposal to be checked does.
"""

from pathlib import Path
from typing import Final

from agents.counts_fallback.source import counts
from agents.likelihood import LikelihoodSource
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.files import folder_fault, open_given

COUNTS: Final = "counts"


class Likelihoods:
    """The sources that the settings name, by tenant."""

    def __init__(self, settings: Settings) -> None:
        """Read them all.

        Raises:
            ConfigurationError: a tenant is not served here, or a model's file is not there or is another one.
        """
        strange = sorted(set(settings.churn_sources) - {*settings.tenants, settings.tenant})
        if strange:
            raise ConfigurationError(
                f"PLACET_CHURN_SOURCES names tenant {strange[0]!r}; known here: {', '.join(settings.tenants)}"
            )
        self._sources = {tenant: _configured(settings, tenant, said) for tenant, said in settings.churn_sources.items()}

    def __call__(self, tenant: str) -> LikelihoodSource | None:
        """Return the tenant's source; None where none is configured."""
        return self._sources.get(tenant)


def named_source(settings: Settings, tenant: str, digest: str) -> LikelihoodSource | None:
    """Return the source that a proposal names, in use or not; None where it is not at hand.

    Raises:
        ConfigurationError: its file is another one, or no model.
    """
    if digest == counts().digest:
        return counts()
    path = _path(settings, tenant, digest)
    return _model(path, digest, to_come=False) if path.exists() else None


def in_words(settings: Settings, tenant: str) -> str:
    """Say which source a tenant's runs use. Nothing is read."""
    said = settings.churn_sources.get(tenant)
    if said is None:
        return "no churn model; runs propose nothing"
    return "counts of a public sample, as fallback" if said == COUNTS else f"model {said[:16]}…"


def check_folder(folder: Path) -> None:
    """Check that a tenant's models may be read where they lie; that there is no such folder is in order.

    Raises:
        ConfigurationError: it is no folder, or a symbolic link.
    """
    if fault := folder_fault(folder):
        raise ConfigurationError(f"the folder of churn models {str(folder)!r} {fault}")


def _configured(settings: Settings, tenant: str, said: str) -> LikelihoodSource:
    if said == COUNTS:
        return counts()
    path = _path(settings, tenant, said)
    if not path.exists():
        raise ConfigurationError(
            f"PLACET_CHURN_SOURCES names model {said[:16]}… for tenant {tenant!r}, "
            f"which is not in {str(path.parent)!r}; train it, or put it there"
        )
    return _model(path, said, to_come=True)


def _path(settings: Settings, tenant: str, digest: str) -> Path:
    folder = settings.propensity_folder / tenant
    check_folder(folder)
    return folder / f"{digest}.json"


def _model(path: Path, digest: str, *, to_come: bool) -> LikelihoodSource:
    from agents.propensity.artifact import LARGEST
    from agents.propensity.at_run import ModelSource
    from agents.propensity.model import ChurnModel

    with open_given(path, "the model", follow=False) as file:
        content = file.read(LARGEST + 1)
    return ModelSource(ChurnModel(content, digest, f"model {str(path)!r}"), to_come=to_come)
