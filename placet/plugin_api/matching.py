"""Holding one request, as it would go over the wire, against a plugin's rules.

Checked is the wire form, after everything httpx does to a URL: the request target is compared byte for byte,
not a parsed or decoded notion of it, so that client and server cannot disagree about what was permitted.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import httpx

from placet.errors import ConfigurationError
from placet.plugin_api.allowlist import SAFE_METHODS, Entry, PluginRules

# What httpx sets by itself, and what describes a JSON body. Authorization is the transport's to add, not the
# plugin's.
_HEADERS = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~:@-]|%[0-9A-Fa-f]{2})+")
_QUERY_VALUE = re.compile(r"(?:[A-Za-z0-9._~:@,*!()'/+-]|%[0-9A-Fa-f]{2})*")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_LAST_PORT = 65_535
_IN_NO_ID = frozenset(" /\\%?#;")
_IN_NO_SCOPE = frozenset(",*;")


class RefusalError(ValueError):
    """Why a request may not leave; the transport makes it a `PluginViolation`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one plugin's system is: scheme, host, port and an optional path prefix of a gateway."""

    url: httpx.URL
    prefix: str

    @classmethod
    def parse(cls, plugin: str, base_url: str) -> "Endpoint":
        """Check a configured base URL such as `https://bss.operator.example/gateway`.

        Raises:
            ConfigurationError: Not an http(s) URL, or it carries credentials, a query or a fragment.
        """
        try:
            url = httpx.URL(base_url)
        except (httpx.InvalidURL, TypeError) as exc:
            raise ConfigurationError(f"endpoint of plugin {plugin!r}: {base_url!r} is not a URL: {exc}") from exc
        prefix = url.raw_path.decode("ascii").rstrip("/")
        if url.userinfo or "@" in base_url:
            # Its value is not repeated: it may be a password.
            raise ConfigurationError(f"endpoint of plugin {plugin!r} must not carry credentials; configure a token")
        origin = url.scheme in {"http", "https"} and bool(url.host) and (url.port is None or 0 < url.port <= _LAST_PORT)
        # httpx resolves dot segments and drops a fragment silently; an address written with them is a mistake.
        if not origin or not _PREFIX.fullmatch(prefix) or "#" in base_url or "/." in base_url:
            raise ConfigurationError(
                f"endpoint of plugin {plugin!r}: {base_url!r} is not http(s)://host[:port][/prefix], no query"
            )
        return cls(url=url, prefix=prefix)


def match(rules: PluginRules, endpoint: Endpoint, request: httpx.Request) -> Entry:
    """Find the entry that permits this exact request.

    Raises:
        RefusalError: No entry does, or the request carries something that could make it mean another one.
    """
    _check_origin(endpoint, request)
    _check_headers(rules, request)
    if set(request.extensions) - {"timeout"}:
        # httpcore's `target` extension would replace the path that is checked here.
        raise RefusalError(f"request extensions {sorted(set(request.extensions) - {'timeout'})} are not permitted")
    target = request.url.raw_path.decode("ascii")
    if not target.startswith(endpoint.prefix + "/"):
        raise RefusalError(f"the path is outside the configured base URL's prefix {endpoint.prefix!r}")
    path, mark, query = target.removeprefix(endpoint.prefix).partition("?")
    entry = find_entry(rules, request.method, path)
    if entry is None:
        raise RefusalError("no entry of the allowlist has this method and path")
    _check_query(entry, query, present=bool(mark))
    return entry


def find_entry(rules: PluginRules, method: str, path: str) -> Entry | None:
    """Find the entry for a method and a path without prefix and query; return None if there is none.

    Where two templates overlap, the one that mutates is found: the stricter reading of a lost answer wins.
    """
    found = [entry for entry in rules.allow if entry.method == method and _path_matches(entry.path, path)]
    return max(found, key=lambda entry: entry.mutates, default=None)


def _check_origin(endpoint: Endpoint, request: httpx.Request) -> None:
    url = request.url
    if (url.scheme, url.raw_host, url.port) != (
        endpoint.url.scheme,
        endpoint.url.raw_host,
        endpoint.url.port,
    ):
        raise RefusalError("the host is not the configured one")
    if url.userinfo:
        raise RefusalError("credentials in a URL are not permitted")
    if url.fragment:
        raise RefusalError("a fragment in a request is not permitted")


def _check_headers(rules: PluginRules, request: httpx.Request) -> None:
    names = [name.decode("ascii", "replace").lower() for name, _ in request.headers.raw]
    if len(names) != len(set(names)):
        raise RefusalError("a header is repeated")
    if foreign := sorted(set(names) - _HEADERS - set(rules.headers)):
        raise RefusalError(f"header {foreign[0]!r} is not permitted")
    if request.headers.get("host", "").encode() != request.url.netloc:
        raise RefusalError("the Host header names another host")
    if request.method in SAFE_METHODS and request.headers.get("content-length", "0") != "0":
        raise RefusalError(f"a {request.method} request must have no body")


def _path_matches(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        _is_id(segment) if pattern.startswith("{") else segment == pattern
        for pattern, segment in zip(wanted, given, strict=True)
    )


def _is_id(segment: str) -> bool:
    """Return whether it is one harmless segment, whether or not the server decodes it, once or twice."""
    if not _SEGMENT.fullmatch(segment):
        return False
    value = unquote_to_bytes(segment)
    text = value.decode("ascii", "replace")
    return text.isascii() and text.isprintable() and text not in {".", ".."} and not _IN_NO_ID & set(text)


def _check_query(entry: Entry, query: str, *, present: bool) -> None:
    values: dict[str, str] = {}
    for part in query.split("&") if present else ():
        name, mark, value = part.partition("=")
        if name not in entry.query or not mark:
            raise RefusalError(f"query parameter {name!r} is not permitted here")
        if name in values:
            raise RefusalError(f"query parameter {name!r} is repeated")
        if not _QUERY_VALUE.fullmatch(value):
            raise RefusalError(f"query parameter {name!r} holds characters that must be encoded")
        decoded = unquote_to_bytes(value.replace("+", " ")).decode("utf-8", "replace")
        if not decoded.isprintable() or "\ufffd" in decoded:
            raise RefusalError(f"query parameter {name!r} holds control characters")
        values[name] = decoded
    for name in entry.require:
        if not values.get(name) or _IN_NO_SCOPE & set(values[name]):
            raise RefusalError(f"query parameter {name!r} must name exactly one value")
