"""A churn model: trained from a table, calibrated, explained in sentences, kept as one file with a digest (ADR 0042).

Nothing here is imported by a command, a worker or a workflow that needs no such model: LightGBM takes a second to load.
"""
