"""Published strategies: what nobody signed decides nothing, and what the signed text does not make is not cleared."""
