"""What people are enrolled as, decide and sign."""
