"""The conformance kit for authors of plugins (`kit`), and the real HTTP server that it tests against (`probe`)."""

from placet.plugin_api.testing.kit import (
    LIMITS,
    ConformanceError,
    Finding,
    Subject,
    assert_conforms,
    check,
)

__all__ = ["LIMITS", "ConformanceError", "Finding", "Subject", "assert_conforms", "check"]
