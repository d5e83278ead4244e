"""Whether a proposal follows from its evidence, weighed again: likelihood, live state, strategy, candidates."""
