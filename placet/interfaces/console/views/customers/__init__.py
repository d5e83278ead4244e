"""What pages on the base of customers show."""
