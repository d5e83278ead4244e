"""Certificates by configuration: neither `SSL_CERT_FILE` nor `SSLKEYLOGFILE` of the environment has a say."""

import ssl
from functools import cache
from pathlib import Path

import certifi

from placet.errors import ConfigurationError


@cache
def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Make a client's TLS context; the same one for the same file.

    Args:
        ca_file: PEM file of the operator's own certificate authority, instead of the public ones.

    Raises:
        ConfigurationError: it cannot be read, or holds no certificate.
    """
    # Not ssl.create_default_context: that one reads the environment, and would write session keys where it says.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=str(ca_file))
        else:
            _load_public(context)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"cannot use the certificates in {str(ca_file)!r}: {error}") from error
    return context


def _load_public(context: ssl.SSLContext) -> None:
    """Load the public authorities, and those that this machine's administrator installed."""
    context.load_verify_locations(cafile=certifi.where())
    installed = ssl.get_default_verify_paths()
    if Path(installed.openssl_cafile).is_file():
        context.load_verify_locations(cafile=installed.openssl_cafile)
    if Path(installed.openssl_capath).is_dir():
        context.load_verify_locations(capath=installed.openssl_capath)
