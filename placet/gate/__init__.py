"""The gate: apply the rules of governance inside a transaction."""
