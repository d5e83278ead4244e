"""The allowlist: which plugins exist, and the exact requests each one may make.

A TOML file, `version = 1`, one table per plugin:

    [plugins.billing]
    kind = "read"
    entry = "plugins.billing:BillingPlugin"     # or the name of a third party's entry point
    allow = [
      { api = "TMF654", method = "GET", path = "/tmf-api/prepayBalanceManagement/v4/bucket/{id}" },
      { api = "TMF654", method = "GET", path = "/tmf-api/prepayBalanceManagement/v4/bucket", query = [
        "relatedParty.id", "offset", "limit"], require = ["relatedParty.id"] },
    ]

Names are exact: there are no globs and no prefixes. Whatever is not listed does not exist.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from placet.contracts.base import Frozen, first_fault
from placet.errors import ConfigurationError
from placet.plugin_api.manifest import ApiName, Kind, PluginName
from placet.toml_files import toml_data

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods without effect (RFC 9110 section 9.2.1) that plugins use."""

QUERY_TASKS = frozenset(
    {
        ("TMF677", "POST", "/tmf-api/usageConsumption/v4/queryUsageConsumption"),
        ("TMF679", "POST", "/tmf-api/productOfferingQualification/v4/checkProductOfferingQualification"),
        ("TMF679", "POST", "/tmf-api/productOfferingQualification/v4/queryProductOfferingQualification"),
        ("TMF680", "POST", "/tmf-api/recommendationManagement/v4/queryProductRecommendation"),
    }
)
"""Reads that TM Forum models as POST of a query task. Nothing else that is POSTed counts as a read."""

SUBSCRIPTIONS = frozenset(
    {("TMF688", "POST", "/tmf-api/event/v4/hub"), ("TMF688", "DELETE", "/tmf-api/event/v4/hub/{id}")}
)
"""All that a `subscribe` plugin may ask: to register a listener, and to let it go. No customer's data is behind it."""

# Headers with which a server may be talked into another method, path or framing than the one that was
# checked.
_NEVER_HEADERS = frozenset(
    {"x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"}
)
_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*|\{[a-z][A-Za-z]*\}")

QueryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")]
ExtraHeader = Annotated[str, StringConstraints(pattern=r"^x-[a-z0-9-]{1,60}$")]


class Entry(Frozen):
    """One permitted request.

    Attributes:
        path: Template in which `{id}` stands for exactly one segment; everything else is literal.
        query: Names of the parameters that may appear, each at most once.
        require: Those of them that must appear, naming one value (no list, no wildcard): the scope of the
            read.
        query_task: The POST is a read; accepted only for the API and path pairs in `QUERY_TASKS`.
    """

    api: ApiName
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(max_length=200)]
    query: tuple[QueryName, ...] = ()
    require: tuple[QueryName, ...] = ()
    query_task: bool = False

    @property
    def mutates(self) -> bool:
        """Whether the request may change something at the other system."""
        return self.method not in SAFE_METHODS and not self.query_task

    @model_validator(mode="after")
    def _well_formed(self) -> Self:
        head, *segments = self.path.split("/")
        if head or not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
            raise ValueError(f"path {self.path!r} must be /literal/segments with {{id}} for one variable segment")
        if all(segment.startswith("{") for segment in segments):
            raise ValueError(f"path {self.path!r} must hold a literal segment")
        if missing := set(self.require) - set(self.query):
            raise ValueError(f"require names {sorted(missing)} which query does not list")
        if self.query_task and (self.api, self.method, self.path) not in QUERY_TASKS:
            raise ValueError(f"{self.api} {self.method} {self.path!r} is not a known query task; remove query_task")
        return self


class PluginRules(Frozen):
    """One plugin of the allowlist: where its code is and what it may reach.

    Attributes:
        entry: `plugins.<name>:<Class>` for first-party code, otherwise an entry point of group
            `placet.plugins`.
        headers: Further request headers the plugin may set, exact lower-case names beginning with `x-`.
    """

    name: PluginName
    kind: Kind
    entry: Annotated[
        str,
        StringConstraints(pattern=r"^(plugins\.[a-z][a-z0-9_]*:[A-Z][A-Za-z0-9]*|[a-z][a-z0-9_-]{0,39})$"),
    ]
    headers: tuple[ExtraHeader, ...] = ()
    allow: Annotated[tuple[Entry, ...], Field(min_length=1)]

    @property
    def expected_name(self) -> str:
        """What the manifest behind `entry` must be called: the entry point, or the last part of the module."""
        return self.entry.partition(":")[0].rpartition(".")[2]

    @property
    def apis(self) -> frozenset[str]:
        """The APIs of which at least one request is permitted."""
        return frozenset(entry.api for entry in self.allow)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for entry in self.allow:
            if (entry.method, entry.path) in seen:
                raise ValueError(f"{entry.method} {entry.path!r} is listed twice")
            seen.add((entry.method, entry.path))
            if self.kind == "read" and entry.mutates:
                raise ValueError(f"a read plugin may not list {entry.method} {entry.path!r}, which can write")
            if self.kind == "subscribe" and (entry.api, entry.method, entry.path) not in SUBSCRIPTIONS:
                raise ValueError(f"a subscribe plugin may not list {entry.method} {entry.path!r}, which is no hub")
        if smuggling := _NEVER_HEADERS & set(self.headers):
            raise ValueError(f"headers {sorted(smuggling)} can change what a request means and are never permitted")
        return self


class Allowlist(Frozen):
    """The whole file, valid by construction."""

    plugins: tuple[PluginRules, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of the plugins."""
        return frozenset(rules.name for rules in self.plugins)

    @classmethod
    def load(cls, path: Path) -> "Allowlist":
        """Read and check an allowlist file.

        Raises:
            ConfigurationError: The file is missing, is not TOML, or grants something that may not be granted.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigurationError(f"the plugin allowlist {str(path)!r} cannot be read: {exc}") from exc
        return cls.parse(text, source=str(path))

    @classmethod
    def parse(cls, text: str, *, source: str = "allowlist") -> "Allowlist":
        """Check the text of an allowlist; `source` names it in errors.

        Raises:
            ConfigurationError: As for `load`.
        """
        data = toml_data(text, source)
        plugins = data.pop("plugins", None)
        if data.pop("version", None) != 1 or data or not isinstance(plugins, dict) or not plugins:
            raise ConfigurationError(f"{source}: must hold `version = 1` and [plugins.<name>] tables, nothing else")
        rules = tuple(_rules(source, name, table) for name, table in plugins.items())
        entries = [rule.entry for rule in rules]
        if twice := sorted({entry for entry in entries if entries.count(entry) > 1}):
            raise ConfigurationError(f"{source}: entry {twice[0]!r} is used by two plugins; list it once")
        return cls(plugins=rules)


def _rules(source: str, name: str, table: object) -> PluginRules:
    if not isinstance(table, dict) or "name" in table:
        raise ConfigurationError(f"{source}: plugin {name!r} must be a table without a `name` of its own")
    try:
        return PluginRules.model_validate({**table, "name": name})
    except ValidationError as error:
        raise ConfigurationError(f"{source}: plugin {name!r}, {first_fault(error)}") from error
