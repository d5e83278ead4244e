"""Loading plugins: the allowlist first, and then only what it names. Anything amiss refuses to start."""

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from inspect import Parameter, signature
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pydantic import SecretStr

from placet.errors import ConfigurationError
from placet.plugin_api.allowlist import Allowlist, PluginRules
from placet.plugin_api.calls import OnCall
from placet.plugin_api.connector import Connector, ConnectorContext
from placet.plugin_api.manifest import ConnectorLimits, Kind, Manifest
from placet.plugin_api.matching import Endpoint
from placet.plugin_api.protocols import MutatePlugin, ReadPlugin, SubscribePlugin
from placet.plugin_api.transport import OnViolation

ENTRY_POINT_GROUP = "placet.plugins"
T = TypeVar("T")

_ROLES: dict[str, tuple[Kind, Any]] = {
    "billing": ("read", ReadPlugin),
    "commerce": ("mutate", MutatePlugin),
    "hub": ("subscribe", SubscribePlugin),
}


class LoadedPlugins:
    """The plugins of one process, by their names in the allowlist. Closing it closes their connections."""

    def __init__(self, plugins: Mapping[str, Connector]) -> None:
        self._plugins = dict(plugins)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def get(self, name: str, kind: type[T]) -> T:
        """Return the plugin `name`, which must be a `kind` (a class or a runtime-checkable protocol).

        Raises:
            ConfigurationError: The allowlist names no such plugin, or it is something else.
        """
        plugin = self._plugins.get(name)
        if plugin is None:
            raise ConfigurationError(f"no plugin {name!r} is loaded; list it in the allowlist")
        if not isinstance(plugin, kind):
            raise ConfigurationError(f"plugin {name!r} is not a {kind.__name__}; check its entry in the allowlist")
        return plugin

    @property
    def billing(self) -> ReadPlugin:
        """The plugin that fills the role `billing`."""
        plugin = self.get("billing", Connector)
        if not isinstance(plugin, ReadPlugin):
            raise ConfigurationError("plugin 'billing' lacks methods of its role; see placet.plugin_api.protocols")
        return plugin

    @property
    def commerce(self) -> MutatePlugin:
        """The plugin that fills the role `commerce`."""
        plugin = self.get("commerce", Connector)
        if not isinstance(plugin, MutatePlugin):
            raise ConfigurationError("plugin 'commerce' lacks methods of its role; see placet.plugin_api.protocols")
        return plugin

    @property
    def hub(self) -> SubscribePlugin:
        """The plugin that fills the role `hub`, which an allowlist may leave out."""
        plugin = self.get("hub", Connector)
        if not isinstance(plugin, SubscribePlugin):
            raise ConfigurationError("plugin 'hub' lacks methods of its role; see placet.plugin_api.protocols")
        return plugin

    def close(self) -> None:
        """Close every plugin's connections."""
        for plugin in self._plugins.values():
            plugin.close()


def load_plugins(
    allowlist_path: Path,
    *,
    endpoints: Mapping[str, str],
    tokens: Mapping[str, SecretStr | None],
    limits: ConnectorLimits,
    on_call: OnCall,
    on_violation: OnViolation,
    ca_bundle: Path | None = None,
) -> LoadedPlugins:
    """Load exactly the plugins that the allowlist names.

    Args:
        allowlist_path: The TOML file, see `placet.plugin_api.allowlist`.
        endpoints: Base URL of each plugin's system, by the plugin's name in the allowlist.
        tokens: Bearer token by name; absent or None where the system asks for none.
        limits: Bounds of every plugin's exchanges.
        on_call: Told of every completed exchange.
        on_violation: Told of every request the allowlist stopped.
        ca_bundle: PEM file of the operator's own certificate authority.

    Raises:
        ConfigurationError: Naming the plugin: it is missing, is not what the allowlist says, has no endpoint,
            or an endpoint or token is given for a plugin that is not listed.
    """
    allowlist = Allowlist.load(allowlist_path)
    listed = {rules.name for rules in allowlist.plugins}
    for what, given in (("endpoint", endpoints), ("token", tokens)):
        if unknown := sorted(set(given) - listed):
            raise ConfigurationError(f"an {what} is given for plugin {unknown[0]!r}, which the allowlist does not name")
    contexts = [
        ConnectorContext(
            rules=rules,
            endpoint=_endpoint(rules.name, endpoints),
            token=_token(rules.name, tokens),
            limits=limits,
            ca_bundle=ca_bundle,
            on_call=on_call,
            on_violation=on_violation,
        )
        for rules in allowlist.plugins
    ]
    classes = [plugin_class(rules) for rules in allowlist.plugins]
    return LoadedPlugins(
        {context.rules.name: _construct(cls, context) for cls, context in zip(classes, contexts, strict=True)}
    )


def plugin_class(rules: PluginRules) -> type[Connector]:
    """Import the class that `rules` name and hold its manifest against them.

    Raises:
        ConfigurationError: It cannot be imported, is no connector, or declares something else than the
            allowlist grants.
    """
    return check_class(*_imported(rules), rules)


def check_class(found: object, name: str, rules: PluginRules) -> type[Connector]:
    """Hold what was found behind an entry against its rules; `name` is what its manifest must call it.

    Raises:
        ConfigurationError: It is no connector, or declares something else than the allowlist grants.
    """
    who = f"plugin {rules.name!r} (entry {rules.entry!r})"
    if not isinstance(found, type) or not issubclass(found, Connector):
        raise ConfigurationError(f"{who} is not a subclass of placet.plugin_api.Connector")
    manifest = getattr(found, "manifest", None)
    if not isinstance(manifest, Manifest):
        raise ConfigurationError(f"{who} declares no manifest")
    if manifest.name != name:
        raise ConfigurationError(f"{who} calls itself {manifest.name!r}; expected {name!r}")
    _check_rights(who, manifest, rules)
    _check_role(who, found, rules)
    return found


def _check_rights(who: str, manifest: Manifest, rules: PluginRules) -> None:
    if manifest.kind != rules.kind:
        raise ConfigurationError(f"{who} is of kind {manifest.kind!r}; the allowlist says {rules.kind!r}")
    if missing := sorted(set(manifest.apis) - rules.apis):
        raise ConfigurationError(f"{who} needs API {missing[0]!r}, which the allowlist does not grant it")
    if surplus := sorted(rules.apis - set(manifest.apis)):
        raise ConfigurationError(f"{who} does not declare API {surplus[0]!r}; remove it from the allowlist")


def _check_role(who: str, found: type[Connector], rules: PluginRules) -> None:
    if rules.name not in _ROLES:
        return
    kind, role = _ROLES[rules.name]
    if rules.kind != kind:
        raise ConfigurationError(f"{who} fills a role of kind {kind!r} and cannot be of kind {rules.kind!r}")
    for name in role_methods(rules.name):
        method = getattr(found, name, None)
        if not callable(method):
            raise ConfigurationError(f"{who} lacks the method {name!r} of the role {rules.name!r}")
        if not _takes(method, getattr(role, name)):
            asked = ", ".join(list(signature(getattr(role, name)).parameters)[1:])
            raise ConfigurationError(
                f"{who}: method {name!r} cannot be called with {asked}, as role {rules.name!r} does"
            )


def role_methods(name: str) -> tuple[str, ...]:
    """Return the methods that the role called `name` asks for; none where it is no role."""
    if name not in _ROLES:
        return ()
    role = _ROLES[name][1]
    return tuple(method for method, value in vars(role).items() if callable(value) and not method.startswith("_"))


def _takes(method: Callable[..., object], asked: Callable[..., object]) -> bool:
    """Return whether `method` can be called in every way that the role's method `asked` can."""
    parameters = signature(asked).parameters.values()
    given = [object() for one in parameters if one.kind is not Parameter.KEYWORD_ONLY]
    named = {one.name: object() for one in parameters if one.kind is Parameter.KEYWORD_ONLY}
    try:
        signature(method).bind(*given, **named)
    except TypeError:
        return False
    return True


def _imported(rules: PluginRules) -> tuple[object, str]:
    """Import the object behind `entry`; return it with the name that its manifest must bear."""
    module_name, colon, attribute = rules.entry.partition(":")
    try:
        if colon:
            return getattr(importlib.import_module(module_name), attribute), rules.expected_name
        points = tuple(entry_points(group=ENTRY_POINT_GROUP, name=rules.entry))
        if len(points) == 1:
            return points[0].load(), rules.expected_name
    except Exception as exc:
        raise ConfigurationError(
            f"plugin {rules.name!r}: entry {rules.entry!r} cannot be imported ({type(exc).__name__}: {exc})"
        ) from exc
    found = f"{len(points)} installed packages offer" if points else "no installed package offers"
    raise ConfigurationError(
        f"plugin {rules.name!r}: {found} entry point {rules.entry!r} of {ENTRY_POINT_GROUP!r}; one must"
    )


def _endpoint(name: str, endpoints: Mapping[str, str]) -> Endpoint:
    if name not in endpoints:
        raise ConfigurationError(f"plugin {name!r} has no endpoint; configure the base URL of its system")
    return Endpoint.parse(name, endpoints[name])


def _token(name: str, tokens: Mapping[str, SecretStr | None]) -> SecretStr | None:
    token = tokens.get(name)
    # RFC 6750 section 2.1; the value is never repeated in the message.
    if token is not None and not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token.get_secret_value()):
        raise ConfigurationError(f"the token of plugin {name!r} is not a bearer token (RFC 6750); check how it is set")
    return token


def _construct(cls: type[Connector], context: ConnectorContext) -> Connector:
    try:
        return cls(context)
    except Exception as exc:
        raise ConfigurationError(
            f"plugin {context.rules.name!r} cannot be constructed ({type(exc).__name__}: {exc})"
        ) from exc
