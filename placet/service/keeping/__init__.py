"""Keeping the record: proofs, anchors, backups, and what may be erased."""
