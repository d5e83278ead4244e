"""Asking a model: which one, with what, and what it answered."""
