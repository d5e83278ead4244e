"""What is read of the environment besides the settings, and without loading them: every command needs it."""

import os
from pathlib import Path

from pydantic import SecretStr

from placet.errors import ConfigurationError

CHECKOUT = Path(__file__).resolve().parent.parent.parent
"""The folder of the program's own files."""


def environment_secret(name: str) -> SecretStr | None:
    """Return an API key by the name configuration gives it; None when unset or empty."""
    value = os.environ.get(name, "")
    return SecretStr(value) if value else None


def traces_are_exported() -> bool:
    """Return whether OpenTelemetry's standard variables name a collector.

    Without one nothing is traced, and nothing leaves.

    Raises:
        ConfigurationError: they ask for a protocol that is not spoken here.
    """
    given = os.environ.get
    endpoint = given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or given("OTEL_EXPORTER_OTLP_ENDPOINT")
    exporters = given("OTEL_TRACES_EXPORTER") or "otlp"
    if not endpoint or given("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == "none":
        return False
    protocol = given("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or given("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"
    if exporters != "otlp":
        raise ConfigurationError(f"OTEL_TRACES_EXPORTER={exporters!r} is not supported; set it to 'otlp' or 'none'")
    if protocol != "http/protobuf":
        raise ConfigurationError(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r} is not supported; set 'http/protobuf'")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigurationError(f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint!r} is not an http or https address")
    return True
