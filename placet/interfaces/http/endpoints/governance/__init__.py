"""Endpoints of what people sign and set beside decisions, and of who may."""
