"""The HTTP API on real parts."""
