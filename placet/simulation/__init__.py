"""Simulated events of the sample's customers, with what is true of them. Nothing in it is real."""
