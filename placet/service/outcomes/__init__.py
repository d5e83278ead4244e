"""What became of the members of rollouts: counted once when their window is over, reported, and derived again."""
