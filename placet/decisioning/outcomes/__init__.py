"""What became of treated customers: uplift, its interval, sound groups, changed strategies, money. Pure arithmetic.

Numbers: Python's whole numbers, `statistics` and `math` of the standard library, numpy and polars; no scipy, whose
functions of chance would be loaded by every process. docs/outcomes.md names the papers.
"""
