"""What an application concludes of a customer, and what it asked of models for that."""
