"""What is read at Kafka is said by settings and files; what does not suffice stops the worker in one line."""

from pathlib import Path
from typing import Any

import certifi
import pytest

from placet.entrypoints.beside_worker.kafka_events import kafka_source
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.kafka.source import KafkaSource


def source(**values: Any) -> KafkaSource:
    given = {"kafka_brokers": "k1:9093, [::1]:9094", "kafka_topics": "events", **values}
    found = kafka_source(Settings(**given))
    assert found is not None
    return found


def secret(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_nothing_is_read_where_nobody_said_so() -> None:
    assert kafka_source(Settings()) is None


def test_tls_is_required_where_nothing_else_is_said() -> None:
    found = source()
    assert found.brokers == (("k1", 9093), ("::1", 9094))
    assert found.topics == {"events": "demo"}
    assert found.security == {
        "security.protocol": "SSL",
        "ssl.ca.location": certifi.where(),
        "enable.ssl.certificate.verification": "true",
        "ssl.endpoint.identification.algorithm": "https",
    }
    assert source(kafka_tls="no").security == {"security.protocol": "PLAINTEXT"}


def test_a_topic_belongs_to_one_tenant() -> None:
    several = {"tenants": ("north", "south")}
    assert source(kafka_topics="north:a,south:b", **several).topics == {"a": "north", "b": "south"}
    for topics, said in (
        ("a", "whose events 'a' has is not said; write TENANT:a"),
        ("east:a", "tenant 'east' is not among PLACET_TENANTS"),
        ("north:a,south:a", "topic 'a' is given to two tenants"),
        ("north:a b", "'north:a b' is not a topic; write TOPIC, or TENANT:TOPIC"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            source(kafka_topics=topics, **several)
        assert str(refused.value) == f"PLACET_KAFKA_TOPICS: {said}"


def test_a_login_comes_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    login = secret(tmp_path, "placet\ns3cret-word\n")
    found = source(kafka_sasl="SCRAM-SHA-512", kafka_login_file=login)
    assert found.security["security.protocol"] == "SASL_SSL"
    assert (found.security["sasl.username"], found.security["sasl.password"]) == ("placet", "s3cret-word")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kafka_topics": ""}, "PLACET_KAFKA_BROKERS is set, and no topic; set PLACET_KAFKA_TOPICS"),
        ({"kafka_brokers": ""}, "PLACET_KAFKA_TOPICS is set, and no broker; set PLACET_KAFKA_BROKERS"),
        ({"kafka_brokers": "k1"}, "PLACET_KAFKA_BROKERS: 'k1' is not a broker; write HOST:PORT"),
        ({"kafka_brokers": "k1:0"}, "PLACET_KAFKA_BROKERS: 'k1:0' is not a broker"),
        ({"kafka_brokers": "sasl://u:p@k1:9"}, "PLACET_KAFKA_BROKERS: "),
        ({"kafka_sasl": "PLAIN"}, "PLACET_KAFKA_SASL and PLACET_KAFKA_LOGIN_FILE need each other"),
        ({"kafka_sasl": "PLAIN", "kafka_tls": "no"}, "PLACET_KAFKA_SASL sends a login, and PLACET_KAFKA_TLS=no"),
        ({"kafka_ca_file": Path("/none")}, "PLACET_KAFKA_CA_FILE: cannot use the certificates in '/none'"),
        ({"kafka_ca_file": Path("/none"), "kafka_tls": "no"}, "PLACET_KAFKA_TLS=no, and a file for TLS is named"),
        ({"kafka_key_file": Path("/none")}, "PLACET_KAFKA_CERTIFICATE_FILE and PLACET_KAFKA_KEY_FILE need each other"),
        (
            {"kafka_sasl": "PLAIN", "kafka_login_file": Path("/none")},
            "PLACET_KAFKA_LOGIN_FILE: cannot read '/none': No such file or directory",
        ),
    ],
)
def test_what_does_not_suffice_is_said_in_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        source(**values)
    assert str(refused.value)[: len(said)] == said
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("placet\ns3cret\n", 0o644, "has mode 0644; run chmod 600 on it"),
        ("placet\n", 0o600, "it must have two lines"),
        ("placet\n\n", 0o600, "it must have two lines"),
        ("a\nb\nc\n", 0o600, "it must have two lines"),
    ],
)
def test_a_file_of_a_login_is_kept_secret_and_whole(tmp_path: Path, text: str, mode: int, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        source(kafka_sasl="PLAIN", kafka_login_file=secret(tmp_path, text, mode))
    assert str(refused.value).startswith("PLACET_KAFKA_LOGIN_FILE: ")
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)
