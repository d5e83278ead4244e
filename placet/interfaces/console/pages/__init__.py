"""A module for each page: what it reads, what is asked of it."""
