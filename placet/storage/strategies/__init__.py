"""Tables of rollouts."""
