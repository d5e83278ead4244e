"""The commerce plugin at a system that answers what the test says: what confirms, proves absence, or tells nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from placet.errors import OutcomeUnknown, PluginError, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import Allowlist, ConnectorContext, Endpoint
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer, unused_url
from plugins.commerce import CommercePlugin
from tests.plugins.mutations import OTHER, SECONDS, credit, order
from tests.plugins.support import ALLOWLIST, KEY, LIMITS, answer


def pointed_at(url: str) -> CommercePlugin:
    rules = Allowlist.load(ALLOWLIST).plugins[1]
    return CommercePlugin(ConnectorContext(rules=rules, endpoint=Endpoint.parse("commerce", url), limits=LIMITS))


def test_what_was_never_sent_is_not_unknown() -> None:
    with pointed_at(unused_url()) as plugin, pytest.raises(UpstreamUnavailable, match="nothing was sent"):
        plugin.perform(credit(), KEY, timeout_seconds=SECONDS)


def test_an_amount_that_cannot_be_sent_exactly_is_not_sent() -> None:
    with ProbeServer(lambda _: answer({})) as server, pointed_at(server.url) as plugin:
        with pytest.raises(PluginError) as refused:
            plugin.perform(credit(10**15), KEY, timeout_seconds=SECONDS)
        assert refused.value.code == "bad_mutation"
        assert server.requests == ()


RECORD: dict[str, Any] = {
    "id": "A-1",
    "description": f"placet:{KEY}",
    "adjustType": "oneTimeChargeCredit",
    "amount": {"amount": 12.5, "units": "USD"},
    "bucket": {"id": "B-C00002"},
    "status": "completed",
}


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": "A-1"},
        {key: value for key, value in RECORD.items() if key != "amount"},
        {key: value for key, value in RECORD.items() if key != "id"},
        {**RECORD, "status": "pending"},
        {**RECORD, "status": "accepted"},
        {**RECORD, "description": f"placet:{OTHER}"},
        {**RECORD, "amount": {"amount": 1250, "units": "USD"}},
        {**RECORD, "bucket": {"id": "B-C00003"}},
        {**RECORD, "adjustType": "oneTimeChargeDebit"},
        {**RECORD, "id": ""},
    ],
)
def test_a_201_that_does_not_confirm_this_very_mutation_is_unknown(record: dict[str, Any]) -> None:
    with (
        ProbeServer(lambda _: answer(record, 201)) as server,
        pointed_at(server.url) as plugin,
        pytest.raises(OutcomeUnknown),
    ):
        plugin.perform(credit(), KEY, timeout_seconds=SECONDS)


@pytest.mark.parametrize(
    "record",
    [
        {**RECORD, "description": "placet:5e5e5e"},
        {**RECORD, "description": "goodwill"},
        {key: value for key, value in RECORD.items() if key != "description"},
        {"id": "A-1", "amount": RECORD["amount"]},
    ],
)
def test_a_confirmation_is_one_although_our_description_did_not_survive(record: dict[str, Any]) -> None:
    with ProbeServer(lambda _: answer(record, 201)) as server, pointed_at(server.url) as plugin:
        done = plugin.perform(credit(), KEY, timeout_seconds=SECONDS)
    assert (done.external_id, done.confirmed_by, done.key_shown) == ("A-1", "response", False)


SENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


UNMARKED: dict[str, Any] = {**RECORD, "description": "goodwill", "requestedDate": "2026-03-01T12:00:01Z"}


FOREIGN = {**RECORD, "id": "A-0", "description": f"placet:{OTHER}"}


@pytest.mark.parametrize(
    ("records", "certainty"),
    [
        ([], "cannot_tell"),
        ([RECORD], "certain"),
        ([{**RECORD, "description": f"credit PLACET:{KEY.upper()} by batch"}], "certain"),
        ([{**RECORD, "description": f"placet:{KEY[:16]}"}], "certain"),
        ([{**UNMARKED, "description": f"placet:{KEY[:15]}"}], "likely"),
        ([UNMARKED], "likely"),
        ([UNMARKED, FOREIGN], "likely"),
        ([{**UNMARKED, "requestedDate": None}], "likely"),
        ([{**UNMARKED, "requestedDate": "2026-03-01T11:54:00Z"}], "cannot_tell"),
        ([{**UNMARKED, "amount": {"amount": 12.51, "units": "USD"}}], "cannot_tell"),
        ([{**UNMARKED, "amount": {"amount": 12.5, "units": "MB"}}], "cannot_tell"),
        ([{**UNMARKED, "bucket": {"id": "B-2"}}], "cannot_tell"),
        ([FOREIGN], "absent"),
        ([FOREIGN, {**UNMARKED, "requestedDate": "2026-03-01T11:54:00Z"}], "absent"),
        ([{**FOREIGN, "description": f"placet:{OTHER[:12]}", "bucket": {"id": "B-2"}}], "cannot_tell"),
    ],
)
def test_a_read_back_says_how_sure_it_is(records: list[dict[str, Any]], certainty: str) -> None:
    page = answer(records, headers={"X-Total-Count": str(len(records))})
    with ProbeServer(lambda _: page) as server, pointed_at(server.url) as plugin:
        seen = plugin.read_back(credit(), KEY, sent_after=SENT, timeout_seconds=SECONDS)
    assert seen.certainty == certainty
    if certainty == "likely":
        assert "“A-1”" in seen.detail
        assert "description" in seen.detail


def test_another_systems_order_number_is_no_proof_that_our_keys_are_shown() -> None:
    strange = {"id": "O-1", "externalId": "0123456789abcdef0123456789abcdef", "state": "completed"}
    page = answer([strange], headers={"X-Total-Count": "1"})
    with ProbeServer(lambda _: page) as server, pointed_at(server.url) as plugin:
        assert plugin.read_back(order(), KEY, sent_after=SENT, timeout_seconds=SECONDS).certainty == "cannot_tell"


def test_a_mutation_recorded_as_failed_is_certainly_not_done() -> None:
    failed = {**RECORD, "status": "failed"}
    with (
        ProbeServer(lambda _: answer(failed, 201)) as server,
        pointed_at(server.url) as plugin,
        pytest.raises(UpstreamRejected) as performed,
    ):
        plugin.perform(credit(), KEY, timeout_seconds=SECONDS)
    assert performed.value.code == "effect_failed"


@pytest.mark.parametrize(
    ("record", "error", "code"),
    [
        ({**RECORD, "status": "pending"}, UpstreamUnavailable, "effect_pending"),
        ({**RECORD, "status": "rejected"}, UpstreamRejected, "effect_failed"),
        ({**RECORD, "amount": {}}, UpstreamRejected, "unreadable_answer"),
        ({key: value for key, value in RECORD.items() if key != "bucket"}, UpstreamRejected, "unreadable_answer"),
    ],
)
def test_a_read_back_says_plainly_what_it_cannot_confirm(
    record: dict[str, Any], error: type[PluginError], code: str
) -> None:
    page = answer([record], headers={"X-Total-Count": "1"})
    with ProbeServer(lambda _: page) as server, pointed_at(server.url) as plugin, pytest.raises(error) as told:
        plugin.read_back(credit(), KEY, sent_after=None, timeout_seconds=SECONDS)
    assert told.value.code == code


def test_the_effect_is_found_on_whichever_page_it_is() -> None:
    records = [{**RECORD, "id": f"A-{number}", "description": "other"} for number in range(450)]
    records[-1] = {**RECORD, "id": "A-last"}

    def respond(request: ProbeRequest) -> ProbeAnswer:
        offset = int(request.target.partition("offset=")[2].partition("&")[0])
        return answer(records[offset : offset + 100])  # caps the page and states no count

    with ProbeServer(respond) as server:
        rules = Allowlist.load(ALLOWLIST).plugins[1]
        wide = LIMITS.model_copy(update={"max_response_bytes": 1_000_000})
        context = ConnectorContext(rules=rules, endpoint=Endpoint.parse("commerce", server.url), limits=wide)
        with CommercePlugin(context) as plugin:
            found = plugin.read_back(credit(), KEY, sent_after=None, timeout_seconds=SECONDS).confirmation
    assert found is not None
    assert found.external_id == "A-last"
