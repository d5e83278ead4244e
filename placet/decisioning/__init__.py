"""Pure decisioning: facts, eligibility, value and ranking. No clock, no chance, no I/O."""
