"""Published strategies at the gate: which version is in force, what a run of it proposes, whether it still holds."""
