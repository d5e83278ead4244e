"""Live customer state: what events lead to, whatever order they arrive in."""
