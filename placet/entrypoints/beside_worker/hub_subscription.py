"""Asking the BSS to send us the events that happen in it, and asking again when it forgot (docs/adr/0046)."""

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Annotated, Final
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AwareDatetime, Field, SecretStr, ValidationError

from placet.contracts.base import Frozen
from placet.contracts.text import one_line
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, NotFound, PlacetError
from placet.files import private_folder, read_own, write_file
from placet.plugin_api.protocols import SubscribePlugin
from placet.rounds import Faults, Rounds
from placet.tmf688.mapping import LISTENER, QUERY

_LOG = logging.getLogger(__name__)

AGAIN_SECONDS: Final = 30.0
"""How often the BSS is asked whether it still knows us."""
_INTERVAL_SECONDS: Final = 0.5
_FIRST_PAUSE_SECONDS: Final = 1.0
_FAULT: Final = 300
_USER: Final = "placet"


class Subscription(Frozen):
    """What is known of our subscription: a file in the home folder, for people and for the next start.

    Attributes:
        hub: The BSS.
        listener: Where it sends events to, without the secret.
        asked: Digest of callback and query.
        subscription_id: Its id there; empty where it was there before we knew.
        since: When it was registered last.
        checked_at: When the BSS was asked last.
        fault: Why it is not registered now; empty where it is.
    """

    hub: str
    listener: str
    asked: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    subscription_id: str = ""
    since: AwareDatetime | None = None
    checked_at: AwareDatetime
    fault: str = ""


def subscription_file(settings: Settings) -> Path:
    """Return where the subscription is noted."""
    return settings.home / "run" / "subscription.json"


def read_subscription(settings: Settings) -> Subscription | None:
    """Return what is noted; None where nothing is, or another version noted it."""
    try:
        content = read_own(subscription_file(settings))
        return None if content is None else Subscription.model_validate_json(content)
    except ValidationError:
        return None


def callback_of(settings: Settings) -> SecretStr:
    """Return the address that events are to be posted to; the token in it proves that the BSS was told by us.

    Raises:
        ConfigurationError: there is no token: whoever posts could not be told from anybody else.
    """
    token = settings.listener_token
    if token is None:
        raise ConfigurationError("PLACET_LISTENER_URL is set, and no token; set PLACET_LISTENER_TOKEN, as for the API")
    parts = urlsplit(settings.listener_url)
    login = f"{_USER}:{quote(token.get_secret_value(), safe='')}"
    path = f"{parts.path.rstrip('/')}{LISTENER}"
    return SecretStr(urlunsplit((parts.scheme, f"{login}@{parts.netloc}", path, "", "")))


class HubSubscription(Rounds):
    """A background loop that keeps our listener registered at the BSS.

    Several workers may run it: who comes second is told that the listener is known. The subscription stays when a
    worker stops, so that events wait at the BSS meanwhile.

    Args:
        hub: Registers at the BSS.
        settings: Where it is, and where we are.
        clock: Aware wall-clock time.

    Attributes:
        tried: Set once the BSS was asked, whatever it said.
    """

    def __init__(self, hub: SubscribePlugin, settings: Settings, clock: Callable[[], datetime]) -> None:
        super().__init__("hub subscription", _INTERVAL_SECONDS)
        self._hub, self._clock, self._file = hub, clock, subscription_file(settings)
        self._callback = callback_of(settings)
        self._address = settings.hub_url or settings.bss_url
        self._known = read_subscription(settings)
        self._asked = hashlib.sha256(f"{self._callback.get_secret_value()} {QUERY}".encode()).hexdigest()
        self._listener = f"{settings.listener_url.rstrip('/')}{LISTENER}"
        self._faults = Faults(_LOG)
        self._due, self._pause = float("-inf"), _FIRST_PAUSE_SECONDS
        self.tried = Event()

    def round(self) -> None:
        """Ask, when it is time."""
        if time.monotonic() < self._due:
            return
        try:
            made = self._hub.register(self._callback, QUERY)
        except PlacetError as error:
            self._failed(error)
        else:
            self._registered(made)
        finally:
            self.tried.set()

    def _registered(self, made: str | None) -> None:
        self._due, self._pause = time.monotonic() + AGAIN_SECONDS, _FIRST_PAUSE_SECONDS
        before, now = self._known, self._clock()
        same = before is not None and before.asked == self._asked and before.hub == self._address
        if made is None and before is not None and same:
            after = before.model_copy(update={"checked_at": now, "fault": ""})
        else:
            after = self._note(subscription_id=made or "", since=now, checked_at=now)
        if made is not None:
            _LOG.info("the BSS at %s sends events to %s from now on", self._address, self._listener)
        self._faults.mended("hub")
        self._keep(after)
        # A hub that registers twice what it knows would tell us twice; one of another address keeps its own.
        old = before.subscription_id if before is not None and before.hub == self._address else ""
        if old and old != after.subscription_id:
            try:
                self._hub.release(old)
            except PlacetError as error:
                _LOG.warning("the subscription %r, which was before, may still be there: %s", old, error)
            if made is None:
                # A hub that knows callbacks alone said that it knew us by what an earlier version asked for: ask anew.
                self._due = float("-inf")

    def _failed(self, error: PlacetError) -> None:
        self._due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, AGAIN_SECONDS)
        none = "; its events do not reach us"
        said = f"it has no hub{none}" if isinstance(error, NotFound) else f"{error}{none}"
        self._faults.tell("hub", said, f"the BSS at {self._address} cannot be asked for its events: {said}")
        before, now = self._known, self._clock()
        fault = one_line(said, _FAULT)
        if before is not None and before.asked == self._asked and before.hub == self._address:
            self._keep(before.model_copy(update={"checked_at": now, "fault": fault}))
        else:
            self._keep(self._note(checked_at=now, fault=fault), remember=False)

    def _note(self, **values: object) -> Subscription:
        given = {"hub": self._address, "listener": self._listener, "asked": self._asked, **values}
        return Subscription.model_validate(given)

    def _keep(self, subscription: Subscription, *, remember: bool = True) -> None:
        """Write down what is known. `remember` False: what was before must still be let go."""
        if remember:
            self._known = subscription
        try:
            private_folder(self._file.parent)
            write_file(self._file, subscription.model_dump_json())
        except (OSError, ConfigurationError) as error:
            self._faults.tell("file", str(error), f"the subscription cannot be noted in {str(self._file)!r}: {error}")
