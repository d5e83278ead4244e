"""Signing in by an operator's own identity provider (OpenID Connect Core 1.0, authorization code flow)."""
