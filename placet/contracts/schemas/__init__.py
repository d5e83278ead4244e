"""JSON schemas of contracts, as people and editors read them."""
