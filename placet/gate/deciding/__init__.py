"""Decisions on a proposal: which signals count, whose, in which role, and what was really signed."""
