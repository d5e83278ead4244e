"""Probes of how people come in: the door for the first administrator, and the operator's identity provider."""

from collections.abc import Iterator

from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.doctor.reachability import ANSWER_SECONDS
from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.governance.signing.pins import AdministratorsFile
from placet.service.documents.first_administrator import MOST_WRONG, SetupCode

_IDENTITY = "identity provider"


def setup_code(settings: Settings) -> Iterator[Finding]:
    """Say whether a code waits with which somebody may become the first administrator."""
    tenant, code = settings.tenant, SetupCode(settings.setup_code, settings.tenant).waiting()
    if not AdministratorsFile(settings.administrators).names_nobody(tenant):
        detail = f"setup of {tenant} is closed: an administrator is pinned, or the administrators file cannot be read"
        yield Finding("ok", "setup code", detail)
    elif code is None:
        detail = f"none waits for {tenant}: none was made, or it was used, is over, or was tried wrongly too often"
        yield Finding("info", "setup code", detail, "`placet keys setup-code` prints one, for a passkey in the console")
    else:
        tried = f", after {counted(code.wrong, 'wrong try', 'wrong tries')} of {MOST_WRONG}" if code.wrong else ""
        detail = f"one waits until {minute(code.until)}{tried}; whoever has it can become administrator of {tenant}"
        advice = "use it at /console/setup; it closes when an administrator is pinned"
        yield Finding("info", "setup code", detail, advice)


def identity_provider(settings: Settings) -> Iterator[Finding]:
    """Check that the provider's discovery answers, that it names itself as configured, and that it publishes keys."""
    if not settings.oidc_issuer:
        detail = "none is configured; people sign in at the console with passkeys and tokens"
        yield Finding("info", _IDENTITY, detail)
        return
    from placet.entrypoints.api import provider_of  # noqa: PLC0415 - it loads much that only this needs
    from placet.interfaces.console.identity.provider import IdentityProviderError  # noqa: PLC0415 - as above

    provider = provider_of(settings, seconds=ANSWER_SECONDS)
    if provider is None:
        return
    try:
        for holds in provider.examine():
            yield Finding("ok", _IDENTITY, holds)
    except IdentityProviderError as error:
        yield Finding("problem", _IDENTITY, str(error), "until then nobody signs in there; others are not concerned")
