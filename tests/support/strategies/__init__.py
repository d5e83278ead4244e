"""Published strategies for tests, with customers whose live state is known."""
