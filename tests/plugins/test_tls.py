"""A system behind TLS is reached only with a certificate of the authority the operator named."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from placet.errors import UpstreamUnavailable
from placet.plugin_api import Allowlist, ConnectorContext, Endpoint
from placet.plugin_api.testing.probe import ProbeServer
from tests.plugins.support import LIMITS, RULES, ProbeConnector, answer


def certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "probe")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "probe.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_operators_own_authority_is_trusted_and_no_other(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    server = ProbeServer(lambda _: answer({"id": "B-1"}))
    server._server.socket = tls.wrap_socket(server._server.socket, server_side=True)
    rules = Allowlist.parse(RULES).plugins[0]
    with server:
        endpoint = Endpoint.parse("probe", server.url.replace("http:", "https:"))
        own = ConnectorContext(rules=rules, endpoint=endpoint, limits=LIMITS, ca_bundle=pem)
        with ProbeConnector(own) as plugin:
            assert plugin.bucket() == {"id": "B-1"}
            assert plugin.bucket() == {"id": "B-1"}
        public = ConnectorContext(rules=rules, endpoint=endpoint, limits=LIMITS)
        with ProbeConnector(public) as plugin, pytest.raises(UpstreamUnavailable, match="nothing was sent"):
            plugin.adjust()
        assert len(server.requests) == 2
