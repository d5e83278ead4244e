"""Strategies: read from YAML, checked as a whole, compared and told in words. Pure."""
