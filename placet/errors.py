"""Every error Placet raises on purpose.

    PlacetError                  one clear line for a person: what, the value, what to do
    ├── UsageError               the request itself is wrong (unknown agent, malformed amount)
    │   └── ExpressionFault      a condition on customers means nothing, at a known character
    ├── ConfigurationError       a file, key or address Placet was given is wrong
    │   └── YamlFault            a text that a person wrote is no YAML, at a known place
    ├── StorageError             the database refused: locked, read-only, unreachable, not migrated
    ├── InferenceError           no permitted model produced a valid answer
    ├── PluginError              a connector failed
    │   ├── PluginViolation      a request outside the allowlist was stopped before it left the process
    │   ├── UpstreamUnavailable  the other system is down, slow or answered 5xx; trying again is sound
    │   ├── UpstreamRejected     the other system said no (4xx) or answered what we cannot read
    │   ├── NotFound             the other system does not know the resource
    │   └── OutcomeUnknown       a mutation was sent, and nothing says what became of it
    └── GovernanceError          a rule said no; a workflow failure type, never retried
        ├── PolicyError          the policy set is missing or invalid
        └── DecisionRefused      a decision does not count

Each class carries a stable `code`, which other people's scripts may rely on.
"""

from typing import ClassVar


class PlacetError(Exception):
    """Base of the tree. `code` may be narrowed per instance, e.g. `unknown_customer`."""

    code: str = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(PlacetError):
    """The request itself is wrong; nothing was started."""

    code = "usage"


class ConfigurationError(PlacetError):
    """A file, key or address Placet was given is wrong."""

    code = "configuration"


class ExpressionFault(UsageError):  # noqa: N818 - says what happened
    """A condition on customers means nothing.

    Attributes:
        at: Which character of the condition is wrong, counted from 0.
        said: What is wrong, without the place.
    """

    code = "cohort_expression"

    def __init__(self, where: str, said: str, at: int) -> None:
        super().__init__(f"{where}: {said}")
        self.at, self.said = at, said


class YamlFault(ConfigurationError):  # noqa: N818 - says what happened
    """A text that a person wrote is no YAML within bounds.

    Attributes:
        place: Its line and column, counted from 1; None where nothing says it.
        said: What is wrong, without the place.
    """

    def __init__(self, source: str, place: tuple[int, int] | None, said: str) -> None:
        super().__init__(f"{source}:{place[0]}: {said}" if place else f"{source}: {said}")
        self.place, self.said = place, said


class StorageError(PlacetError):
    """The database refused; the caller may try again once it is well."""

    code = "storage_unavailable"
    retryable = True


class InferenceError(PlacetError):
    """No permitted model produced a valid answer."""

    code = "inference_unavailable"
    retryable = True


class PluginError(PlacetError):
    """A connector failed."""

    code = "plugin_failed"

    def __init__(self, message: str, *, code: str | None = None, retry_after_seconds: float | None = None) -> None:
        """Set `retry_after_seconds`: when the other system asks to be tried again, bounded; a hint, nothing more."""
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class PluginViolation(PluginError):  # noqa: N818 - says what happened
    """A request outside the allowlist was stopped before it left the process."""

    code = "plugin_violation"


class UpstreamUnavailable(PluginError):  # noqa: N818 - says what happened
    """The other system is down, slow, or answered 5xx or 429."""

    code = "upstream_unavailable"
    retryable = True


class UpstreamRejected(PluginError):  # noqa: N818 - says what happened
    """The other system said no, or answered what cannot be read."""

    code = "upstream_rejected"


class NotFound(PluginError):  # noqa: N818 - says what happened
    """The other system does not know the resource."""

    code = "not_found"


class OutcomeUnknown(PluginError):  # noqa: N818 - says what happened
    """A mutation was sent, and no answer says for certain what became of it: it may or may not have happened."""

    code = "outcome_unknown"


class GovernanceError(PlacetError):
    """A rule said no."""

    code = "governance"


class PolicyError(GovernanceError):
    """The policy set is missing or invalid; until it is mended every answer is no."""

    code = "policy_invalid"


class DecisionRefused(GovernanceError):  # noqa: N818 - says what happened
    """A decision does not count. `code` says which check it failed."""

    code = "refused"
