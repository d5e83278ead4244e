"""Faults on demand: latency, errors, garbage, and responses lost after the effect was committed."""
