"""The databases that are measured, and what is built in them."""
