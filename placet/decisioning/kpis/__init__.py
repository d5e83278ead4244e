"""Figures that the trade steers by, computed from the live state of customers."""
