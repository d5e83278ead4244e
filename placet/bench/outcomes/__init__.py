"""What it costs to count and report what became of the members of a rollout."""
