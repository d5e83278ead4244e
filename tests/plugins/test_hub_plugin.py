"""The hub plugin against the sandbox: registered once, again when it was forgotten, and never a word of a customer."""

import pytest
from pydantic import SecretStr

from placet.errors import NotFound, OutcomeUnknown, UpstreamRejected, UpstreamUnavailable
from placet.tmf688.mapping import QUERY
from tests.plugins.support import bss

CALLBACK = SecretStr("http://placet:hunter2hunter2hunter2@127.0.0.1:9/tmf-api/event/v4/listener/eventCreateEvent")
HUB = "/tmf-api/event/v4/hub"


def test_a_listener_is_registered_once_known_afterwards_and_registered_again_when_it_was_forgotten() -> None:
    with bss() as system:
        hub = system.plugins.hub
        first = hub.register(CALLBACK, QUERY)
        assert first == "HUB-00000001"
        assert hub.register(CALLBACK, QUERY) is None
        assert hub.release(first)
        assert not hub.release(first)
        assert hub.register(CALLBACK, QUERY) == "HUB-00000002"
        assert "hunter2" not in str(system.get("/sandbox/listeners"))
        assert {call.path for _, call in system.observed.calls} <= {HUB, f"{HUB}/{first}"}
        assert "hunter2" not in str(system.observed.calls)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status=503", OutcomeUnknown),
        ("lost", OutcomeUnknown),
        ("garbage", OutcomeUnknown),
        ("status=400", UpstreamRejected),
        ("status=404", NotFound),
    ],
)
def test_what_goes_wrong_is_told_apart_and_asking_again_finds_out(fault: str, error: type[Exception]) -> None:
    with bss() as system:
        system.fault("POST", HUB, fault)
        with pytest.raises(error) as raised:
            system.plugins.hub.register(CALLBACK, QUERY)
        assert "hunter2" not in str(raised.value)
        done = fault in ("lost", "garbage")
        assert (system.plugins.hub.register(CALLBACK, QUERY) is None) == done


def test_a_bss_that_is_away_is_unavailable() -> None:
    with bss() as system:
        hub = system.plugins.hub
    with pytest.raises(UpstreamUnavailable):
        hub.register(CALLBACK, QUERY)
