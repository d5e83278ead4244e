"""Figures the sample lacks, derived from a row: deterministic, consistent with it, and marked simulated."""
