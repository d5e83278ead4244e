"""Endpoints of figures over the live state of customers."""
