"""Journeys: customers in strategies of several steps, on real databases and the sandbox BSS."""
