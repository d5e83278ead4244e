"""What people sign beside a decision: keys, tokens, mandates, delegations, the lifting of a halt."""
