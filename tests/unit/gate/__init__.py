"""What people sign and what it permits."""
