"""Where there are passkeys: by https, and by http on localhost; behind a proxy, where the setting says."""

import pytest
from starlette.requests import Request

from placet.interfaces.console.relying_party import advice_for, party_of


def request_to(host: str, scheme: str = "http") -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/console/sign-in",
            "query_string": b"",
            "scheme": scheme,
            "server": ("127.0.0.1", 8620),
            "headers": [(b"host", host.encode())],
        }
    )


@pytest.mark.parametrize(
    ("host", "public_url", "party"),
    [
        ("localhost:8620", "", ("localhost", "http://localhost:8620")),
        ("localhost", "", ("localhost", "http://localhost")),
        ("LOCALHOST:8620", "", ("localhost", "http://localhost:8620")),
        ("127.0.0.1:8620", "", None),
        ("[::1]:8620", "", None),
        ("placet.example", "", None),
        ("localhost.evil.example", "", None),
        ("localhost:80", "", None),
        ("", "", None),
        ("a@localhost", "", None),
        ("localhost:8620/x", "", None),
        ("evil.example", "https://placet.example", ("placet.example", "https://placet.example")),
        ("localhost:8620", "https://placet.example:8443", ("placet.example", "https://placet.example:8443")),
        ("localhost:8620", "https://10.0.0.1", None),
        ("localhost:8620", "http://placet.example", None),
    ],
)
def test_the_party_of_a_page(host: str, public_url: str, party: tuple[str, str] | None) -> None:
    assert party_of(request_to(host), public_url) == party


def test_the_advice_says_what_to_do() -> None:
    assert "http://localhost:8620/console/sign-in" in advice_for(request_to("127.0.0.1:8620"), "")
    for host, public_url in (("placet.example", ""), ("127.0.0.1:8620", "http://placet.example")):
        assert "PLACET_CONSOLE_URL" in advice_for(request_to(host), public_url)
