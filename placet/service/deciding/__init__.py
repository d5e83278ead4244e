"""Decisions of people: taking one, many by one signature, and handing them to their runs."""
