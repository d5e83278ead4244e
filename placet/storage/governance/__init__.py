"""Rows about people and what they signed. None of them permits anything: the documents do."""
