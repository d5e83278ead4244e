"""Projections compared with the record: what the tables say of runs and people must be what the entries led to."""
