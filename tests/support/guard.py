"""How long tests wait for what must come."""

GUARD = 300
"""Seconds after which a test gives up on what hangs. It measures nothing: a busy machine may take minutes."""
