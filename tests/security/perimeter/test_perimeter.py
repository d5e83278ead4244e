"""The customer's record stays inside the declared networks, whatever a model server, a name or the environment says."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.model_calls.completion import NoModelAnsweredError
from placet.entrypoints.settings import load_settings
from placet.errors import ConfigurationError
from placet.network.client import plain_client
from placet.network.networks import Networks
from placet.network.tls import tls_context
from tests.agents.support import Wire, answering, provider
from tests.agents.test_inference import GOOD, ask, fail, inference, model, outcomes

# One process loads the model library; it takes five seconds of CPU.
pytestmark = pytest.mark.xdist_group("inference")

WIRES: tuple[Wire, ...] = ("openai", "anthropic")
INSIDE = Networks.parse("127.0.0.1/32")


@contextmanager
def trap(address: str = "127.0.0.1") -> Iterator[tuple[int, list[bytes]]]:
    """A listener that keeps the first bytes of whoever comes, and answers nothing."""
    caught: list[bytes] = []
    with socket.create_server((address, 0)) as listener:
        listener.settimeout(0.02)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    caught.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield listener.getsockname()[1], caught
        finally:
            over.set()
            thread.join()


def redirecting(to: str) -> Any:
    def reply(_: int, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("perimeter", ["inside", "outside"])
def test_a_redirect_of_a_model_server_is_not_followed(wire: Wire, perimeter: str) -> None:
    with trap() as (port, caught), provider(redirecting(f"http://127.0.0.1:{port}/v1/x")) as server:
        subject = inference({"m": model(wire, server.base_url(wire), perimeter=perimeter)}, allow_hosted=True)
        error = fail(subject)
        assert len(server.requests) == 1
    assert caught == []
    assert outcomes(error.attempts) == [("m", "refused")]
    assert "redirect" in error.attempts[0].detail


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("perimeter", ["inside", "outside"])
def test_proxies_and_certificates_of_the_environment_are_not_used(
    wire: Wire, perimeter: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with trap() as (port, caught), provider(answering(wire, GOOD)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        subject = inference({"m": model(wire, server.base_url(wire), perimeter=perimeter)}, allow_hosted=True)
        assert outcomes(ask(subject).attempts) == [("m", "ok")]
        with plain_client(5) as client:
            assert client.get(f"{server.address}/x").status_code == httpx.codes.NOT_IMPLEMENTED
    assert caught == []


def test_a_hosted_model_is_asked_through_the_proxy_that_a_setting_names() -> None:
    with trap() as (port, caught):
        hosted = model("openai", "http://models.example:1/v1", perimeter="outside", timeout_s=1)
        fail(inference({"m": hosted}, allow_hosted=True, hosted_proxy=f"http://127.0.0.1:{port}"))
    assert caught[0].startswith(b"POST http://models.example:1/v1/chat/completions")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("host", ["127.0.0.2", "[::ffff:127.0.0.2]", "2130706434", "elsewhere.test"])
def test_a_model_inside_is_not_asked_at_an_address_outside(
    wire: Wire, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve(monkeypatch, {"elsewhere.test": ["127.0.0.2"]})
    with trap("127.0.0.2") as (port, caught):
        error = fail(inference({"m": model(wire, f"http://{host}:{port}/v1")}, networks=INSIDE))
    assert caught == []
    assert outcomes(error.attempts) == [("m", "not_permitted")]
    assert "PLACET_PERIMETER_NETWORKS" in error.attempts[0].detail


def test_a_name_is_resolved_and_checked_at_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(answering("openai", GOOD)) as server, trap("127.0.0.2") as (_, caught):
        port = int(server.address.rpartition(":")[2])
        subject = inference({"m": model("openai", f"http://rebound.test:{port}/v1")}, networks=INSIDE)
        _resolve(monkeypatch, {"rebound.test": ["127.0.0.1"]})
        assert outcomes(ask(subject).attempts) == [("m", "ok")]
        # The name now has one address inside and one outside: which one is met is not left to chance.
        _resolve(monkeypatch, {"rebound.test": ["127.0.0.1", "127.0.0.2"]})
        assert outcomes(fail(subject).attempts) == [("m", "not_permitted")]
        assert caught == []
        assert len(server.requests) == 1


def test_a_public_address_given_as_the_local_model_is_outside() -> None:
    with pytest.raises(NoModelAnsweredError) as caught:
        ask(inference({"local": model("openai", "https://203.0.113.7/v1")}, networks=INSIDE))
    assert outcomes(caught.value.attempts) == [("local", "not_permitted")]


def test_tls_trusts_what_settings_say_and_writes_no_key_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    context = tls_context()
    assert not (tmp_path / "keys").exists()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 0
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        tls_context(tmp_path / "none.pem")


@pytest.mark.parametrize("given", ["10.0.0.0/33", "loopback", "10.0.0.1/8", ""])
def test_networks_that_are_none_are_refused_at_the_start(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_PERIMETER_NETWORKS", given)
    with pytest.raises(ConfigurationError, match="PLACET_PERIMETER_NETWORKS"):
        load_settings()


def _resolve(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> None:
    genuine = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host in names:
            return [found for address in names[host] for found in genuine(address, port, *rest, **named)]
        return genuine(host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
