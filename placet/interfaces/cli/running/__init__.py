"""Commands around runs: start, show, decide, settle, reverse."""
