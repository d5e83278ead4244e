"""The record: audit streams, artifacts, runs, approvers, decisions and effects, in SQLite or PostgreSQL."""
