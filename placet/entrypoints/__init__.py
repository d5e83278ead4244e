"""Processes: settings, composition, and everything that starts something."""
