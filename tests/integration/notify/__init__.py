"""Telling people, with real mail and web servers."""
