"""Whether the models that are called inside are inside: the same check that every connection to them passes."""

from collections.abc import Iterator

import httpx

from agents.model_calls.routing import ModelsConfig
from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.network.networks import SETTING, OutsidePerimeterError

_PORTS = {"http": 80, "https": 443}


def perimeter(settings: Settings) -> Iterator[Finding]:
    """Check the declared networks, and find each model that is marked inside but is not."""
    configured = ModelsConfig.load(settings.models_file).with_addresses({"local": settings.model_url})
    yield Finding("ok", "perimeter", f"models inside may be in {settings.perimeter}")
    for name, model in sorted(configured.models.items()):
        if model.perimeter != "inside" or model.base_url is None:
            continue
        url = httpx.URL(model.base_url)
        try:
            settings.perimeter.admit(url.host, url.port or _PORTS[url.scheme])
        except OutsidePerimeterError as error:
            advice = f"it is never asked; add its network to {SETTING}, or mark the model outside"
            yield Finding("problem", "perimeter", f"model {name!r}: {error}", advice)
        except OSError as error:
            yield Finding("info", "perimeter", f"model {name!r}: {url.host!r} cannot be resolved: {error}")
