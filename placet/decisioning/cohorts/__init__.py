"""Cohorts: SQL expressions over the columns of a customer's state, for one customer and for the whole base."""
