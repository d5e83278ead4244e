"""Virtual authenticators in a real browser (Chrome DevTools Protocol), and software ones for the console."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from playwright.sync_api import CDPSession, Page

from placet.service.documents.keys import enroll_key
from tests.support.authenticator import Authenticator
from tests.support.world import World

PHONE: dict[str, Any] = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Device:
    """The authenticator of one browser's page."""

    session: CDPSession
    authenticator_id: str

    def holds(self, one: Authenticator) -> None:
        """Put a software authenticator's credential into the browser."""
        private = one.private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        credential = {
            "credentialId": base64.b64encode(one.credential_id).decode(),
            "isResidentCredential": True,
            "rpId": one.rp_id,
            "privateKey": base64.b64encode(private).decode(),
            "userHandle": base64.b64encode(one.credential_id).decode(),
            "signCount": one.counter or 0,
        }
        self.send("WebAuthn.addCredential", credential=credential)

    def credentials(self) -> list[dict[str, Any]]:
        """What it holds."""
        found: list[dict[str, Any]] = self.send("WebAuthn.getCredentials")["credentials"]
        return found

    def answers(self, *, willing: bool) -> None:
        """Let the person touch it by themselves, or not at all."""
        self.send("WebAuthn.setAutomaticPresenceSimulation", enabled=willing)

    def verifies(self, *, who: bool) -> None:
        """Let it recognise the person, or not."""
        self.send("WebAuthn.setUserVerified", isUserVerified=who)

    def send(self, method: str, **values: Any) -> Any:
        """Tell the browser."""
        return self.session.send(method, {"authenticatorId": self.authenticator_id, **values})


def device_of(page: Page) -> Device:
    """Give a page's browser an authenticator that verifies its person."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE})
    return Device(session, made["authenticatorId"])


def at_localhost(url: str) -> str:
    """Where a browser has passkeys: they are bound to a name."""
    return url.replace("127.0.0.1", "localhost")


def a_device(url: str, counter: int | None = 0) -> Authenticator:
    """Make a software authenticator for the console at `url`, which nobody has enrolled."""
    at = ("localhost", at_localhost(url))
    return Authenticator(rp_id=at[0], origin=at[1], counter=counter, enrolled_at=at)


def enrolled(
    world: World,
    url: str,
    name: str,
    *,
    roles: tuple[str, ...] = ("retention_lead",),
    limit: str | None = "500.00 USD",
    counter: int | None = 0,
    days: int = 7,
) -> Authenticator:
    """Enroll a software authenticator for the console at `url`."""
    one = a_device(url, counter)
    enroll_key(
        world.database,
        name=name,
        tenant="demo",
        roles=roles,
        limit=limit,
        public_key=one.public_key,
        by=world.root,
        expires_at=datetime.now(UTC) + timedelta(days=days),
        passkey=one.passkey,
    )
    return one
