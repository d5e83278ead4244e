"""What became of members of rollouts."""
