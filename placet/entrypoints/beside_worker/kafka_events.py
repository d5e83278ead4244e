"""Where the settings say that events are read at Kafka, and the loop that has them taken."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi

from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.files import cause, read_given, read_secret
from placet.network.tls import tls_context
from placet.service.state.taking import take_events
from placet.storage.database import Database

if TYPE_CHECKING:
    from placet.contracts.events.envelope import Arrived
    from placet.kafka.source import KafkaSource

_BROKER: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_LOGIN_LINES: Final = 2

Waiting = Callable[[], Mapping[str, int]]
"""Tells how many events of each tenant wait at Kafka."""


def kafka_source(settings: Settings) -> "KafkaSource | None":
    """Return what is read at Kafka; None where nothing is.

    Raises:
        ConfigurationError: a setting is missing or wrong, or a file cannot be used.
    """
    if not settings.kafka_brokers:
        if settings.kafka_topics:
            raise ConfigurationError("PLACET_KAFKA_TOPICS is set, and no broker; set PLACET_KAFKA_BROKERS")
        return None
    from placet.kafka.source import KafkaSource  # noqa: PLC0415 - a library that few installations need

    return KafkaSource(
        brokers=tuple(map(_broker, _listed(settings.kafka_brokers))),
        topics=_topics(settings),
        group=settings.kafka_group,
        networks=settings.perimeter,
        security=_security(settings),
    )


@contextmanager
def taking_from_kafka(settings: Settings, database: Database, clock: Callable[[], datetime]) -> Iterator[Waiting]:
    """Take events from Kafka while the block runs, where it is configured; yields what tells how many wait.

    Raises:
        ConfigurationError: see `kafka_source`.
    """
    source = kafka_source(settings)
    if source is None:
        yield dict
        return
    from placet.kafka.consuming import KafkaEvents  # noqa: PLC0415 - as above

    kept = timedelta(days=settings.retain_events_days)

    def take(tenant: str, texts: "Sequence[Arrived]") -> int:
        now = clock()
        return len(take_events(database, tenant, texts, now=now, oldest=now - kept).refused)

    with KafkaEvents(source, take) as reader:
        yield lambda: reader.waiting


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _broker(text: str) -> tuple[str, int]:
    found = _BROKER.fullmatch(text)
    if found is None or not 0 < int(found[3]) < 65536:  # noqa: PLR2004 - the last port
        raise ConfigurationError(f"PLACET_KAFKA_BROKERS: {text!r} is not a broker; write HOST:PORT")
    return found[1] or found[2], int(found[3])


def _topics(settings: Settings) -> dict[str, str]:
    topics: dict[str, str] = {}
    for text in _listed(settings.kafka_topics):
        tenant, colon, topic = text.rpartition(":")
        if not _TOPIC.fullmatch(topic):
            raise ConfigurationError(f"PLACET_KAFKA_TOPICS: {text!r} is not a topic; write TOPIC, or TENANT:TOPIC")
        if not colon:
            if len(settings.tenants) > 1:
                raise ConfigurationError(
                    f"PLACET_KAFKA_TOPICS: whose events {topic!r} has is not said; write TENANT:{topic}"
                )
            (tenant,) = settings.tenants
        if tenant not in settings.tenants:
            raise ConfigurationError(f"PLACET_KAFKA_TOPICS: tenant {tenant!r} is not among PLACET_TENANTS")
        if topics.setdefault(topic, tenant) != tenant:
            raise ConfigurationError(f"PLACET_KAFKA_TOPICS: topic {topic!r} is given to two tenants")
    if not topics:
        raise ConfigurationError("PLACET_KAFKA_BROKERS is set, and no topic; set PLACET_KAFKA_TOPICS")
    return topics


def _security(settings: Settings) -> dict[str, str]:
    """Return librdkafka's settings. Nothing secret is in a command line or in the environment: it is in files."""
    login, encrypted = settings.kafka_sasl != "", settings.kafka_tls == "required"
    files = settings.kafka_ca_file, settings.kafka_certificate_file, settings.kafka_key_file
    if login and not encrypted:
        raise ConfigurationError("PLACET_KAFKA_SASL sends a login, and PLACET_KAFKA_TLS=no would show it; use TLS")
    if not encrypted and any(files):
        raise ConfigurationError("PLACET_KAFKA_TLS=no, and a file for TLS is named; remove one of both")
    if login != (settings.kafka_login_file is not None):
        raise ConfigurationError("PLACET_KAFKA_SASL and PLACET_KAFKA_LOGIN_FILE need each other; set both, or none")
    found = {"security.protocol": ("SASL_" if login else "") + ("SSL" if encrypted else "PLAINTEXT")}
    if encrypted:
        found |= _tls(settings)
    if settings.kafka_login_file is not None:
        lines = _secret("PLACET_KAFKA_LOGIN_FILE", settings.kafka_login_file).splitlines()
        if len(lines) != _LOGIN_LINES or not all(lines):
            raise ConfigurationError(
                "PLACET_KAFKA_LOGIN_FILE: it must have two lines, the user and the password, and nothing else"
            )
        found |= {"sasl.mechanism": settings.kafka_sasl, "sasl.username": lines[0], "sasl.password": lines[1]}
    return found


def _tls(settings: Settings) -> dict[str, str]:
    authorities = settings.kafka_ca_file
    if authorities is not None:
        try:
            tls_context(authorities)
        except ConfigurationError as error:
            raise ConfigurationError(f"PLACET_KAFKA_CA_FILE: {error}; name a PEM file of certificates") from error
    found = {
        "ssl.ca.location": str(authorities or certifi.where()),
        "enable.ssl.certificate.verification": "true",
        "ssl.endpoint.identification.algorithm": "https",
    }
    certificate, key = settings.kafka_certificate_file, settings.kafka_key_file
    if (certificate is None) != (key is None):
        raise ConfigurationError("PLACET_KAFKA_CERTIFICATE_FILE and PLACET_KAFKA_KEY_FILE need each other; set both")
    if certificate is not None and key is not None:
        found["ssl.certificate.pem"] = read_given(certificate, "the certificate for Kafka")
        found["ssl.key.pem"] = _secret("PLACET_KAFKA_KEY_FILE", key)
    return found


def _secret(setting: str, path: Path) -> str:
    try:
        return read_secret(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{setting}: cannot read {str(path)!r}: {cause(error)}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{setting}: {error}") from error
