"""The conformance kit: what an author runs before asking an operator to put a plugin on the allowlist.

    subject = Subject(
        plugin=ContactsPlugin,
        rules=Allowlist.load(Path("allowlist.toml")).plugins[0],
        operations={"messages": lambda plugin: plugin.messages("C00001")},
        system=answer_like_the_real_system,
    )
    assert_conforms(subject)

Every operation is run against a real HTTP server, first well and then failing in each way at each of its
requests. No test framework is needed. Rules whose requests may change something are recognised by the
allowlist, not by name.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from placet.errors import (
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    PlacetError,
    PluginViolation,
    UpstreamRejected,
    UpstreamUnavailable,
)
from placet.plugin_api.allowlist import PluginRules
from placet.plugin_api.connector import Connector, ConnectorContext
from placet.plugin_api.loader import check_class, role_methods
from placet.plugin_api.manifest import ConnectorLimits
from placet.plugin_api.matching import Endpoint, find_entry
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer, Respond, unused_url

LIMITS = ConnectorLimits(
    connect_seconds=1.0, read_seconds=1.0, total_seconds=2.0, max_response_bytes=65_536, pool_size=4
)
"""Short bounds, so that slowness is tested quickly. Operations that take a timeout should pass as little."""

_TOKEN = "conformance-kit-token"  # noqa: S105 - no secret: it marks what came through the transport
_SLOW_SECONDS = 30.0
_WRITES = ("POST", "PUT", "PATCH", "DELETE")

_UNKNOWN, _UNAVAILABLE, _REJECTED = (OutcomeUnknown,), (UpstreamUnavailable,), (UpstreamRejected,)


@dataclass(frozen=True, slots=True)
class _Fault:
    """One way to fail.

    `read` and `mutate` are the errors it must become; `may_return` allows a considered answer.
    """

    name: str
    answer: ProbeAnswer
    read: tuple[type[PlacetError], ...]
    mutate: tuple[type[PlacetError], ...]
    may_return: bool = False


_FAULTS = (
    _Fault("404", ProbeAnswer(404), (NotFound,), (NotFound,), may_return=True),
    _Fault("409", ProbeAnswer(409), _REJECTED, _UNKNOWN, may_return=True),
    _Fault("429", ProbeAnswer(429, headers={"Retry-After": "1"}), _UNAVAILABLE, _UNKNOWN),
    _Fault("500", ProbeAnswer(500), _UNAVAILABLE, _UNKNOWN),
    _Fault("redirect", ProbeAnswer(307, headers={"Location": "/elsewhere"}), _REJECTED, _UNKNOWN),
    _Fault("garbage", ProbeAnswer(200, b"<html>"), _REJECTED, _UNKNOWN),
    _Fault("another shape", ProbeAnswer(200, b"3"), _REJECTED, _UNKNOWN),
    _Fault("too large", ProbeAnswer(200, b'"' + b"x" * LIMITS.max_response_bytes + b'"'), _REJECTED, _UNKNOWN),
    _Fault("slow", ProbeAnswer(delay_seconds=_SLOW_SECONDS), _UNAVAILABLE, _UNKNOWN),
    _Fault("lost", ProbeAnswer(lost=True), _UNAVAILABLE, _UNKNOWN),
    _Fault("truncated", ProbeAnswer(truncated=True), _UNAVAILABLE, _UNKNOWN),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A plugin under test.

    Attributes:
        rules: Its table of the allowlist.
        operations: Every public method, with arguments, by a name for the report; those of the role must be among them.
        system: How the plugin's system answers when it is well.
    """

    plugin: type[Connector]
    rules: PluginRules
    operations: Mapping[str, Callable[[Any], object]]
    system: Respond


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: which check, which operation, what was seen."""

    check: str
    operation: str
    detail: str


class ConformanceError(AssertionError):
    """The plugin does not conform; the message lists every finding."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        lines = [f"{finding.check}, {finding.operation}: {finding.detail}" for finding in findings]
        super().__init__("\n".join(["the plugin does not conform:", *lines]))
        self.findings = findings


def assert_conforms(subject: Subject) -> None:
    """Run every check.

    Raises:
        ConformanceError: Listing everything found.
    """
    findings = tuple(check(subject))
    if findings:
        raise ConformanceError(findings)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield every breach; faults are tried only on a plugin that works while its system is well."""
    try:
        check_class(subject.plugin, subject.rules.expected_name, subject.rules)
    except ConfigurationError as exc:
        yield Finding("manifest", "class", str(exc))
        return
    healthy = True
    for name in subject.operations:
        for finding in _check_healthy(subject, name):
            healthy = False
            yield finding
    yield from _check_role_is_covered(subject)
    yield from _check_cannot_write(subject)
    if healthy:
        for name in subject.operations:
            yield from _check_unreachable(subject, name)
            yield from _check_faults(subject, name)


@dataclass(slots=True)
class _Run:
    """One operation against one server: what arrived, and how it ended."""

    requests: tuple[ProbeRequest, ...] = ()
    error: Exception | None = None
    violations: list[PluginViolation] = field(default_factory=list)


def _run(subject: Subject, operation: Callable[[Any], object], respond: Respond) -> _Run:
    run = _Run()
    with ProbeServer(respond) as server, _plugin(subject, server.url, run) as plugin:
        try:
            operation(plugin)
        except Exception as exc:  # noqa: BLE001 - which exception it is, is what is being tested
            run.error = exc
        run.requests = server.requests
    return run


def _plugin(subject: Subject, url: str, run: _Run) -> Connector:
    return subject.plugin(
        ConnectorContext(
            rules=subject.rules,
            endpoint=Endpoint.parse(subject.rules.name, url),
            token=SecretStr(_TOKEN),
            limits=LIMITS,
            on_violation=lambda _, violation: run.violations.append(violation),
        )
    )


def _check_role_is_covered(subject: Subject) -> Iterator[Finding]:
    """Check that a plugin that fills a role is tested in all that the role asks of it."""
    called: set[str] = set()
    for operation in subject.operations.values():
        # Whether it works is another check's business.
        with ProbeServer(subject.system) as server, _plugin(subject, server.url, _Run()) as plugin, suppress(Exception):
            operation(_Watched(plugin, called))
    for method in role_methods(subject.rules.name):
        if method not in called:
            yield Finding("covers its role", method, f"no operation calls it; role {subject.rules.name!r} asks for it")


class _Watched:
    """A plugin that notes which of its attributes are asked for."""

    def __init__(self, plugin: Connector, asked: set[str]) -> None:
        self._plugin, self._asked = plugin, asked

    def __getattr__(self, name: str) -> Any:
        self._asked.add(name)
        return getattr(self._plugin, name)


def _check_healthy(subject: Subject, name: str) -> Iterator[Finding]:
    run = _run(subject, subject.operations[name], subject.system)
    if run.error is not None:
        yield Finding("works when its system is well", name, f"raised {_shown(run.error)}")
    elif not run.requests:
        yield Finding("works when its system is well", name, "sent no request: nothing can be tested")
    yield from _check_requests(subject, name, run)


def _check_requests(subject: Subject, name: str, run: _Run) -> Iterator[Finding]:
    for request in run.requests:
        if request.headers.get("authorization") != f"Bearer {_TOKEN}":
            yield Finding("goes through the transport", name, f"{_line(request)} went around the allowlist")
        elif subject.rules.kind == "read" and _mutates(subject, request):
            yield Finding("reading cannot write", name, f"{_line(request)} reached the system")
    for violation in run.violations:
        yield Finding("stays on its allowlist", name, str(violation))


def _check_cannot_write(subject: Subject) -> Iterator[Finding]:
    """Check that a write that is not listed is stopped below the plugin, whatever its own code does."""
    for entry in subject.rules.allow:
        for method in _WRITES:
            path = entry.path.replace("{", "").replace("}", "")
            if find_entry(subject.rules, method, path) is not None:
                continue

            def write(plugin: Connector, method: str = method, path: str = path) -> None:
                plugin.call(method, path, body={}, parse=lambda answer: answer)

            run = _run(subject, write, subject.system)
            if run.requests or not isinstance(run.error, PluginViolation):
                seen = f"was not stopped: {_shown(run.error)}"
                yield Finding("reading cannot write", f"{method} {path}", seen)


def _check_unreachable(subject: Subject, name: str) -> Iterator[Finding]:
    try:
        with _plugin(subject, unused_url(), _Run()) as plugin:
            subject.operations[name](plugin)
        yield Finding("error mapping, unreachable", name, "returned as if nothing were wrong")
    except UpstreamUnavailable:
        return
    except Exception as exc:  # noqa: BLE001 - which exception it is, is what is being tested
        seen = f"raised {_shown(exc)}, expected UpstreamUnavailable"
        yield Finding("error mapping, unreachable", name, seen)


def _check_faults(subject: Subject, name: str) -> Iterator[Finding]:
    steps = _run(subject, subject.operations[name], subject.system).requests
    for position, step in enumerate(steps):
        written = any(_mutates(subject, request) for request in steps[:position])
        for fault in _FAULTS:
            run = _run(subject, subject.operations[name], _failing(subject.system, position, fault.answer))
            expected = fault.mutate if _mutates(subject, step) else _UNKNOWN if written else fault.read
            where = f"{name}, request {position + 1} ({_line(step)})"
            yield from _check_requests(subject, where, run)
            if run.error is None and fault.may_return:
                continue
            if not isinstance(run.error, expected):
                names = " or ".join(kind.__name__ for kind in expected)
                yield Finding(
                    f"error mapping, {fault.name}", where, f"ended with {_shown(run.error)}, expected {names}"
                )


def _failing(system: Respond, position: int, answer: ProbeAnswer) -> Respond:
    seen: list[ProbeRequest] = []

    def respond(request: ProbeRequest) -> ProbeAnswer:
        seen.append(request)
        return answer if len(seen) == position + 1 else system(request)

    return respond


def _mutates(subject: Subject, request: ProbeRequest) -> bool:
    entry = find_entry(subject.rules, request.method, request.path)
    return entry is None or entry.mutates


def _line(request: ProbeRequest) -> str:
    return f"{request.method} {request.path}"


def _shown(error: Exception | None) -> str:
    return "no error" if error is None else f"{type(error).__name__}: {error}"
