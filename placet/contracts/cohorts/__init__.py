"""Cohorts as every face of Placet shows them."""
