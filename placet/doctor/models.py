"""Probes of the models that are really configured: each server is asked, none is told anything about a customer."""

from collections.abc import Iterator

import httpx

from agents.catalogue import declared_tasks
from agents.model_calls.routing import ModelConfig, ModelsConfig
from placet.doctor.report import Finding, Level
from placet.entrypoints.environment import environment_secret
from placet.entrypoints.likelihoods import COUNTS, Likelihoods, in_words
from placet.entrypoints.settings import Settings
from placet.network.client import guarded_client, proxied_client
from placet.network.tls import tls_context

ANSWER_SECONDS = 1.8
_START = "`placet up` starts it"
_LOCAL = "local"
_TRAIN = "`placet model train` makes a model; name its digest in PLACET_CHURN_SOURCES and start the workers again"


def models(settings: Settings) -> Iterator[Finding]:
    """Check the models file, and which hosted models could be asked."""
    config = ModelsConfig.load(settings.models_file)
    declared = declared_tasks()
    config.check_tasks(declared)
    configured = config.models
    inside = sorted(name for name, model in configured.items() if model.perimeter == "inside")
    hosted = {name: model.api_key for name, model in configured.items() if model.perimeter == "outside"}
    yield Finding("ok", "models", f"inside the perimeter: {', '.join(inside) or 'none'}")
    for agent, task in config.unanswered(declared):
        detail = f"no models answer task {task!r} of agent {agent!r}"
        yield Finding("problem", "models", detail, f"name them in [tasks.{agent}] of the models file")
    if not settings.allow_hosted_models:
        if hosted:
            yield Finding("info", "models", f"hosted ones are off: {', '.join(sorted(hosted))}")
        return
    keyless = sorted(name for name, key in hosted.items() if key is not None and environment_secret(key) is None)
    for name in keyless:
        # One key is enough: what lacks its own is passed over.
        level: Level = "problem" if len(keyless) == len(hosted) else "info"
        yield Finding(level, "models", f"hosted model {name!r} is not configured", f"set {hosted[name]}")
    if ready := sorted(set(hosted) - set(keyless)):
        yield Finding("ok", "models", f"hosted, with a key: {', '.join(ready)}")


def model_servers(settings: Settings) -> Iterator[Finding]:
    """Check that every model that a task would ask answers at its address.

    A hosted model is asked only where it is allowed and has a key.
    """
    config = ModelsConfig.load(settings.models_file).with_addresses({_LOCAL: settings.model_url})
    wanted = config.asked
    seconds = ANSWER_SECONDS / max(1, len(wanted))
    for name in sorted(wanted, key=lambda one: (one != _LOCAL, one)):
        model = config.models[name]
        if model.perimeter == "inside":
            yield _inside(name, model, settings, seconds)
        elif settings.allow_hosted_models and model.base_url is not None and _has_key(model):
            yield _outside(name, model, settings, seconds)


def _inside(name: str, model: ModelConfig, settings: Settings, seconds: float) -> Finding:
    named = ("model_url",) if name == _LOCAL else ("models_file",)
    absent: Level = "problem" if any(one in settings.model_fields_set for one in named) else "info"
    base = str(model.base_url).rstrip("/")
    url = f"{base}/models" if model.route.startswith("openai/") else f"{base}/v1/models"
    where = "" if name == _LOCAL else f"model {name!r} at "
    try:
        # As inference does: at an address inside, and nowhere else.
        tls = tls_context(settings.model_ca_file)
        with guarded_client(seconds, origin=base, networks=settings.perimeter, tls=tls) as client:
            answer = client.get(url).raise_for_status()
        if answer.is_redirect:
            return Finding("problem", "model server", f"{where}{url!r} redirects elsewhere", "name its own address")
        served = [str(one["id"]) for one in answer.json()["data"]]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = (
            f"{_START}, or set PLACET_MODEL_URL" if name == _LOCAL else "start it, or take it out of the models file"
        )
        return Finding(absent, "model server", f"{where}{url!r}: {_said(error)}", advice)
    except (ValueError, KeyError, TypeError):
        detail = f"{where}{url!r} answers, but not with a list of models as OpenAI's API does"
        return Finding("problem", "model server", detail, f"check PLACET_{named[0].upper()}")
    asked = model.route.partition("/")[2]
    if served and asked not in served:
        detail = f"{where}{base} serves {', '.join(served)}; it will be asked for {asked!r}"
        return Finding("info", "model server", detail, "some servers refuse that: check the route in the models file")
    return Finding("ok", "model server", f"{where}{base} serves {', '.join(served) or 'no model'}")


def _outside(name: str, model: ModelConfig, settings: Settings, seconds: float) -> Finding:
    """Check whether a hosted model can be reached.

    Nothing is sent, no key either, so that any answer will do.
    """
    try:
        with proxied_client(seconds, proxy=settings.hosted_proxy) as client:
            status = client.get(str(model.base_url)).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        detail = f"hosted model {name!r} at {model.base_url!r}: {_said(error)}"
        return Finding("problem", "model server", detail, "let workers reach it, or take it out of the models file")
    return Finding("ok", "model server", f"hosted model {name!r} at {model.base_url} (outside; HTTP {status})")


def _has_key(model: ModelConfig) -> bool:
    return model.api_key is None or environment_secret(model.api_key) is not None


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def churn(settings: Settings) -> Iterator[Finding]:
    """Say where each tenant's runs take the probability of leaving from; a tenant without one proposes nothing."""
    sources = Likelihoods(settings)
    for tenant in settings.tenants:
        source = sources(tenant)
        if source is None or settings.churn_sources[tenant] == COUNTS:
            yield Finding("info", "churn model", f"{tenant}: {in_words(settings, tenant)}", _TRAIN)
        else:
            yield Finding("ok", "churn model", f"{tenant}: {source.named}")
