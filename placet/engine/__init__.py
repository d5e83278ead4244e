"""Temporal: client, payload codec, history."""
