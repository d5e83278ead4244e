"""Keys, envelopes, and documents from strangers."""
