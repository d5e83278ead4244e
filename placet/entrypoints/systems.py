"""How the operator's own systems are reached: which address with which token, within which times, trusted by whom."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from placet.contracts.billing import SourceCall
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, PluginViolation
from placet.network.tls import tls_context
from placet.plugin_api.allowlist import Allowlist
from placet.plugin_api.loader import LoadedPlugins, load_plugins
from placet.plugin_api.manifest import ConnectorLimits
from workflows import options

_HUB = "hub"
"""A plugin that an operator's allowlist may leave out: then the BSS is not asked for events."""

# What one step exchanges at most, where each answer is one page.
_READS = 5
_READS_BEFORE_AN_EFFECT = 3
# Read back, read back an effect that is known, read back once more, send, read back.
_EXCHANGES_OF_AN_EFFECT = 5
# An exchange may take twice as long as one silence in it.
_TOTAL = 2


def load_systems(
    settings: Settings,
    *,
    on_call: Callable[[str, SourceCall], None],
    on_violation: Callable[[str, PluginViolation], None],
    limits: ConnectorLimits | None = None,
) -> LoadedPlugins:
    """Load the plugins with their addresses, tokens, times and certificates; `limits` may be given instead.

    Raises:
        ConfigurationError: a setting or the allowlist is wrong.
    """
    with_hub = _HUB in Allowlist.load(settings.allowlist).names
    return load_plugins(
        settings.allowlist,
        endpoints={**endpoints(settings), **({_HUB: settings.hub_url or settings.bss_url} if with_hub else {})},
        tokens={**tokens(settings), **({_HUB: hub_token(settings)} if with_hub else {})},
        limits=limits or exchange_limits(settings),
        ca_bundle=ca_file(settings),
        on_call=on_call,
        on_violation=on_violation,
    )


def endpoints(settings: Settings) -> dict[str, str]:
    """Return the base URL of each plugin's system."""
    return {
        "billing": settings.billing_url or settings.bss_url,
        "commerce": settings.commerce_url or settings.bss_url,
    }


def tokens(settings: Settings) -> dict[str, SecretStr | None]:
    """Return the bearer token of each plugin's system; one system's token is never sent to another.

    Raises:
        ConfigurationError: `PLACET_BSS_TOKEN` is set, and billing and commerce are two systems.
    """
    shared, urls = settings.bss_token, endpoints(settings)
    if shared is not None and _origin(urls["billing"]) != _origin(urls["commerce"]):
        raise ConfigurationError(
            f"PLACET_BSS_TOKEN is set, and billing at {urls['billing']!r} and commerce at {urls['commerce']!r} are two "
            "systems; set PLACET_BILLING_TOKEN and PLACET_COMMERCE_TOKEN instead"
        )
    return {"billing": settings.billing_token or shared, "commerce": settings.commerce_token or shared}


def hub_token(settings: Settings) -> SecretStr | None:
    """Return the bearer token of the system with the hub; `PLACET_BSS_TOKEN` goes to the BSS alone."""
    same = not settings.hub_url or _origin(settings.hub_url) == _origin(settings.bss_url)
    return settings.hub_token or (settings.bss_token if same else None)


def mutation_timeout_seconds(settings: Settings) -> float:
    """Return the client timeout of one mutation; several fit into the lease of an attempt."""
    return min(settings.bss_timeout_seconds, settings.effect_lease_seconds / 4)


def exchange_limits(settings: Settings) -> ConnectorLimits:
    """Return the bounds of each exchange; all of a step's must fit into the time Temporal gives the step.

    Raises:
        ConfigurationError: they do not, so that a step could run on after Temporal has given it up.
    """
    total = settings.bss_timeout_seconds * _TOTAL
    effect = _READS_BEFORE_AN_EFFECT * total + _EXCHANGES_OF_AN_EFFECT * mutation_timeout_seconds(settings)
    for step, needed, given in (
        ("query_billing", _READS * total, options.QUERY_TIMEOUT.total_seconds()),
        ("execute", effect, options.EXECUTE_TIMEOUT.total_seconds()),
    ):
        if needed > given:
            raise ConfigurationError(
                f"PLACET_BSS_TIMEOUT_SECONDS={settings.bss_timeout_seconds:g}: the requests of {step} could take "
                f"{needed:g} s, and it has {given:g} s; set at most {options.QUERY_TIMEOUT.seconds / _READS / _TOTAL:g}"
            )
    return ConnectorLimits(
        read_seconds=settings.bss_timeout_seconds, total_seconds=total, pool_size=settings.worker_activities
    )


def ca_file(settings: Settings) -> Path | None:
    """Return the operator's own certificate authorities, checked; None where the public ones are trusted.

    Raises:
        ConfigurationError: the file cannot be read, or holds no certificate.
    """
    path = settings.ca_file
    if path is not None:
        try:
            tls_context(path)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"PLACET_CA_FILE={str(path)!r} cannot be used: {error}; name a PEM file of certificates"
            ) from error
    return path


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url.lower())
    try:
        port = parts.port
    except ValueError:
        port = None  # the loader refuses such an address by name
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)
