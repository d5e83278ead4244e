"""The frozen messages that cross every boundary."""
