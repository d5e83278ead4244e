"""What is weighed and what it is worth."""
