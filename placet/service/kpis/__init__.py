"""Key figures: in one pass over the base, and kept up to date customer by customer."""
