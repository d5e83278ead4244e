"""The loader reads the allowlist first, loads only what it names, and refuses to start on anything amiss."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from placet.errors import ConfigurationError
from placet.plugin_api import (
    Allowlist,
    ConnectorLimits,
    Endpoint,
    LoadedPlugins,
    MutatePlugin,
    ReadPlugin,
    SubscribePlugin,
    load_plugins,
)
from plugins.billing import BillingPlugin
from plugins.commerce import CommercePlugin
from tests.plugins.support import ALLOWLIST, Observed

URL = "http://127.0.0.1:9"
ALL = {"billing": URL, "commerce": URL, "hub": URL}
GET_CUSTOMER = '{ api = "TMF629", method = "GET", path = "/v4/customer/{id}" }'


def table(
    name: str = "billing", kind: str = "read", entry: str = "plugins.billing:BillingPlugin", allow: str = ""
) -> str:
    return f'version = 1\n[plugins.{name}]\nkind = "{kind}"\nentry = "{entry}"\nallow = [ {allow or GET_CUSTOMER} ]\n'


def load(
    path: Path, endpoints: dict[str, str] | None = None, tokens: dict[str, SecretStr | None] | None = None
) -> LoadedPlugins:
    observed = Observed()
    return load_plugins(
        path,
        endpoints=ALL if endpoints is None else endpoints,
        tokens=tokens or {},
        limits=ConnectorLimits(),
        on_call=observed.on_call,
        on_violation=observed.on_violation,
    )


def test_the_shipped_allowlist_loads_all_roles() -> None:
    with load(ALLOWLIST) as plugins:
        assert list(plugins) == ["billing", "commerce", "hub"]
        assert isinstance(plugins.billing, ReadPlugin)
        assert isinstance(plugins.commerce, MutatePlugin)
        assert isinstance(plugins.hub, SubscribePlugin)
        assert type(plugins.get("billing", BillingPlugin)) is BillingPlugin
        with pytest.raises(ConfigurationError, match="'commerce' is not a BillingPlugin"):
            plugins.get("commerce", BillingPlugin)
        with pytest.raises(ConfigurationError, match="no plugin 'messaging' is loaded"):
            plugins.get("messaging", CommercePlugin)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "version = 1"),
        ("version = 2\n[plugins.x]\n", "version = 1"),
        ("version = 1", "version = 1"),
        ("version = 1\nextra = 1\n[plugins.x]\n", "nothing else"),
        ("version = ", "is not TOML"),
        (table() + table().removeprefix("version = 1\n"), "is not TOML"),
        (table() + 'surprise = "x"\n', "'billing', surprise: there is no field of this name"),
        (table(name="Bad"), "'Bad', name"),
        (table(kind="admin"), "'billing', kind"),
        (table(entry="os:system"), "'billing', entry"),
        (table(entry="plugins.billing.plugin:BillingPlugin"), "'billing', entry"),
        (table(allow='{ api = "TMF629", method = "get", path = "/v4/x" }'), "method"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/v4/*" }'), "must be /literal/segments"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/v4/x{id}" }'), "must be /literal/segments"),
        (table(allow='{ api = "TMF629", method = "GET", path = "v4/x" }'), "must be /literal/segments"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/v4/../x" }'), "must be /literal/segments"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/v4/x/" }'), "must be /literal/segments"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/{id}" }'), "must hold a literal"),
        (table(allow='{ api = "TMF629", method = "GET", path = "/v4/x", require = ["id"] }'), "require names"),
        (table(allow=f"{GET_CUSTOMER}, {GET_CUSTOMER}"), "is listed twice"),
        (table() + 'headers = ["x-http-method-override"]\n', "never permitted"),
        (table() + 'headers = ["authorization"]\n', "headers"),
    ],
)
def test_a_malformed_allowlist_is_refused_naming_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "allowlist.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        load(path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_read_plugin_may_not_be_granted_a_request_that_can_write(method: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a read plugin may not list {method} '/v4/x'"):
        Allowlist.parse(table(allow=f'{{ api = "TMF629", method = "{method}", path = "/v4/x" }}'))


@pytest.mark.parametrize(
    ("api", "method", "path"),
    [
        ("TMF654", "POST", "/tmf-api/prepayBalanceManagement/v4/adjustBalance"),
        ("TMF654", "POST", "/tmf-api/event/v4/hub"),
        ("TMF688", "POST", "/tmf-api/event/v4/topic"),
        ("TMF688", "PUT", "/tmf-api/event/v4/hub"),
        ("TMF688", "POST", "/tmf-api/event/v4/hub/{id}"),
        ("TMF629", "GET", "/tmf-api/customerManagement/v4/customer/{id}"),
    ],
)
def test_a_subscribe_plugin_may_be_granted_nothing_but_a_hub(api: str, method: str, path: str) -> None:
    hub = '{ api = "TMF688", method = "POST", path = "/tmf-api/event/v4/hub" }'
    assert Allowlist.parse(table("hub", "subscribe", "plugins.hub:HubPlugin", hub)).plugins[0].kind == "subscribe"
    entry = f'{{ api = "{api}", method = "{method}", path = "{path}" }}'
    with pytest.raises(ConfigurationError, match=f"a subscribe plugin may not list {method}"):
        Allowlist.parse(table("hub", "subscribe", "plugins.hub:HubPlugin", entry))
    with pytest.raises(ConfigurationError, match="a read plugin may not list POST"):
        Allowlist.parse(table("hub", "read", "plugins.hub:HubPlugin", hub))


def test_a_query_task_is_granted_to_a_read_plugin_only_from_the_known_list() -> None:
    known = '{{ api = "TMF677", method = "POST", path = "/tmf-api/usageConsumption/v4/queryUsageConsumption"{} }}'
    rules = Allowlist.parse(table(name="usage", entry="usage", allow=known.format(", query_task = true"))).plugins[0]
    assert not rules.allow[0].mutates
    with pytest.raises(ConfigurationError, match="may not list POST"):
        Allowlist.parse(table(allow=known.format("")))
    for api, method, path in [
        ("TMF654", "POST", "/tmf-api/prepayBalanceManagement/v4/adjustBalance"),
        ("TMF677", "DELETE", "/tmf-api/usageConsumption/v4/queryUsageConsumption"),
        ("TMF654", "POST", "/tmf-api/usageConsumption/v4/queryUsageConsumption"),
    ]:
        entry = f'{{ api = "{api}", method = "{method}", path = "{path}", query_task = true }}'
        with pytest.raises(ConfigurationError, match="is not a known query task"):
            Allowlist.parse(table(allow=entry))


def test_a_plugin_that_cannot_be_what_the_allowlist_says_is_refused(tmp_path: Path) -> None:
    shipped = ALLOWLIST.read_text()
    cases = {
        shipped.replace("BillingPlugin", "AbsentPlugin"): "'billing': entry 'plugins.billing:AbsentPlugin' cannot be",
        shipped.replace("plugins.billing:", "plugins.absent:"): "'plugins.absent:BillingPlugin' cannot be imported",
        shipped.replace(
            '"plugins.billing:BillingPlugin"', '"absent"'
        ): "no installed package offers entry point 'absent'",
        shipped.replace("[plugins.billing]", "[plugins.reader]"): "an endpoint is given for plugin 'billing'",
        shipped.replace('kind = "read"', 'kind = "mutate"'): "is of kind 'read'; the allowlist says 'mutate'",
        shipped.replace("TMF635", "TMF999"): "needs API 'TMF635', which the allowlist does not grant it",
        shipped.replace("plugins.billing:BillingPlugin", "plugins.commerce:CommercePlugin"): "is used by two plugins",
        shipped + table("x", entry="plugins.allowlist:Entry").removeprefix("version = 1\n"): "has no endpoint",
        shipped.replace("plugins.billing:BillingPlugin", "plugins.billing:Path"): "cannot be imported",
    }
    path = tmp_path / "allowlist.toml"
    for text, message in cases.items():
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            load(path)


def test_the_allowlist_may_not_grant_more_than_the_plugin_declares(tmp_path: Path) -> None:
    more = '{ api = "TMF688", method = "GET", path = "/v4/event" },\n  { api = "TMF629"'
    path = tmp_path / "allowlist.toml"
    path.write_text(ALLOWLIST.read_text().replace('{ api = "TMF629"', more))
    with pytest.raises(ConfigurationError, match="does not declare API 'TMF688'; remove it"):
        load(path)


def test_a_plugin_cannot_fill_the_role_of_another_kind(tmp_path: Path) -> None:
    text = ALLOWLIST.read_text()
    path = tmp_path / "allowlist.toml"
    commerce = text[text.index("[plugins.commerce]") : text.index("[plugins.hub]")].rpartition("\n#")[0]
    path.write_text("version = 1\n" + commerce.replace("[plugins.commerce]", "[plugins.billing]"))
    with pytest.raises(ConfigurationError, match="fills a role of kind 'read' and cannot be of kind 'mutate'"):
        load(path, {"billing": URL})


def test_a_missing_allowlist_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "url",
    ["", "bss", "ftp://bss", "http://", "http://bss?x=1", "http://bss?", "http://bss#x", "http://bss/a//b", "http://bss/../a",
     "http://bss/%2e", "http://bss:99999"],
)  # fmt: skip
def test_a_malformed_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint of plugin 'billing'"):
        load(ALLOWLIST, {**ALL, "billing": url})


def test_a_password_in_an_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="must not carry credentials") as refused:
        Endpoint.parse("billing", "http://user:hunter2@bss")
    assert "hunter2" not in str(refused.value)


def test_endpoints_and_tokens_must_match_the_allowlist() -> None:
    with pytest.raises(ConfigurationError, match="'commerce' has no endpoint"):
        load(ALLOWLIST, {"billing": URL})
    with pytest.raises(ConfigurationError, match="token is given for plugin 'other'"):
        load(ALLOWLIST, tokens={"other": None})
    with pytest.raises(ConfigurationError, match="token of plugin 'billing' is not a bearer token") as refused:
        load(ALLOWLIST, tokens={"billing": SecretStr("hunter2\r\nX-Evil: 1")})
    assert "hunter2" not in str(refused.value)
