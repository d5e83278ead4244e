"""Each system of the operator gets its own token, a certificate authority it trusts, and no more time than its step."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from placet.entrypoints.settings import Settings
from placet.entrypoints.systems import ca_file, exchange_limits, tokens
from placet.errors import ConfigurationError

ONE, TWO = "https://bss.example/gateway", "https://commerce.example"


def settings(**values: Any) -> Settings:
    given: dict[str, Any] = {"bss_url": ONE}
    for name, value in values.items():
        given[name] = SecretStr(value) if name.endswith("_token") else value
    return Settings(**given)


def told(made: Settings) -> dict[str, str | None]:
    return {name: None if token is None else token.get_secret_value() for name, token in tokens(made).items()}


def test_one_systems_token_is_never_sent_to_another() -> None:
    with pytest.raises(ConfigurationError, match="set PLACET_BILLING_TOKEN and PLACET_COMMERCE_TOKEN instead"):
        tokens(settings(bss_token="t", commerce_url=TWO))
    with pytest.raises(ConfigurationError):
        tokens(settings(bss_token="t", commerce_token="c", commerce_url=TWO))
    with pytest.raises(ConfigurationError):
        tokens(settings(bss_token="t", commerce_url="http://bss.example/gateway"))
    two = settings(billing_token="b", commerce_token="c", commerce_url=TWO)
    assert told(two) == {"billing": "b", "commerce": "c"}
    assert told(settings(commerce_token="c", commerce_url=TWO)) == {"billing": None, "commerce": "c"}


def test_one_system_may_have_one_token() -> None:
    assert told(settings(bss_token="t")) == {"billing": "t", "commerce": "t"}
    same = settings(bss_token="t", billing_url="https://BSS.example:443/billing", commerce_token="c")
    assert told(same) == {"billing": "t", "commerce": "c"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_authority_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"PLACET_CA_FILE='.*ca\.pem' cannot be used: .*; name a PEM file"):
        ca_file(settings(ca_file=path))


def test_requests_that_could_outlast_their_step_are_refused_at_start() -> None:
    assert exchange_limits(settings(bss_timeout_seconds=6)).total_seconds == 12
    with pytest.raises(ConfigurationError) as refused:
        exchange_limits(settings(bss_timeout_seconds=6.5))
    assert str(refused.value) == (
        "PLACET_BSS_TIMEOUT_SECONDS=6.5: the requests of query_billing could take 65 s, and it has 60 s; set at most 6"
    )
