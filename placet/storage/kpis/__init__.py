"""Key figures that are kept."""
