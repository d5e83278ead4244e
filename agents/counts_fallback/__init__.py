"""Counts of a public sample by contract, tenure and internet service: what a tenant without a model may fall back to.

Only configuration makes a run use them (`PLACET_CHURN_SOURCES`, ADR 0047).
"""
