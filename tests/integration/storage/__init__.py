"""Repositories on both databases."""
