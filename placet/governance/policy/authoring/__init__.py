"""Tools for the people who write policy: check, explain, test."""
