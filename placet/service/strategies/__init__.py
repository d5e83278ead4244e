"""What the faces ask of strategies: checks, comparisons, and what one would do to the base."""
