"""Commands of those who govern: keys, policies, mandates, delegations, halts, oversight."""
