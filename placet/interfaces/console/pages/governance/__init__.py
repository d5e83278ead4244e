"""Who may decide what, beforehand and afterwards: policies, mandates, delegations, reversals, oversight."""
