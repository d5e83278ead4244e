"""What goes on beside a worker until it stops."""
