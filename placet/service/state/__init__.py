"""Taking events in, and showing what they led to."""
