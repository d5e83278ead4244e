"""Erasing what retention no longer keeps, and proving afterwards which documents went."""
