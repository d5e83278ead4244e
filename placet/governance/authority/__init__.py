"""On whose authority something is decided: enrolled keys, delegations, mandates and their cohorts."""
