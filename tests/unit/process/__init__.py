"""What a process says, logs, and obeys."""
