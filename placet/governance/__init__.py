"""Rules that decide and never fetch: canonical form, signatures, approvals, policy."""
