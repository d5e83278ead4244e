"""The operations that every face (CLI, HTTP API) calls."""
