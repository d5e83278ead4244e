"""The subscribe plugin: it tells a BSS where to send the events that happen in it (TMF688)."""

from plugins.hub.plugin import HubPlugin

__all__ = ["HubPlugin"]
