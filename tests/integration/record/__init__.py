"""The log, backups and retention on both databases."""
