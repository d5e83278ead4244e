"""Policies and what they answer."""
