"""What would have come of other choices, in sentences."""
