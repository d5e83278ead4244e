"""What a plugin author needs.

Subclass `Connector`, declare a `Manifest`, run the kit in `placet.plugin_api.testing`.
"""

from placet.plugin_api.allowlist import Allowlist, Entry, PluginRules
from placet.plugin_api.answers import Answer, UnreadableError, major_units, money
from placet.plugin_api.calls import record_calls
from placet.plugin_api.connector import Connector, ConnectorContext
from placet.plugin_api.evidence import gather
from placet.plugin_api.loader import LoadedPlugins, load_plugins
from placet.plugin_api.manifest import ConnectorLimits, Manifest
from placet.plugin_api.matching import Endpoint
from placet.plugin_api.paging import read_all
from placet.plugin_api.protocols import Confirmation, MutatePlugin, ReadPlugin, Sighting, SubscribePlugin
from placet.plugin_api.transport import AllowlistTransport, OnViolation

__all__ = [
    "Allowlist",
    "AllowlistTransport",
    "Answer",
    "Confirmation",
    "Connector",
    "ConnectorContext",
    "ConnectorLimits",
    "Endpoint",
    "Entry",
    "LoadedPlugins",
    "Manifest",
    "MutatePlugin",
    "OnViolation",
    "PluginRules",
    "ReadPlugin",
    "Sighting",
    "SubscribePlugin",
    "UnreadableError",
    "gather",
    "load_plugins",
    "major_units",
    "money",
    "read_all",
    "record_calls",
]
