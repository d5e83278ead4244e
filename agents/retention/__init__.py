"""The retention application."""
