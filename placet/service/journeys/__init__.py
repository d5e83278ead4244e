"""Journeys: customers in strategies of several steps, from entering to the end."""
