"""Signatures: canonical form, DSSE envelopes, statements, signed documents, keys."""
