"""Notifications: who is told, in which words, over which channel."""
