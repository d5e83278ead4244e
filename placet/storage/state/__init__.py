"""Events of customers, what they led to, and those that could not be taken."""
