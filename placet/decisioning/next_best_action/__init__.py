"""Next best action: all strategies' treatments for one customer, and for the base; who falls where, what is worth most.

A candidate is one treatment of one strategy. What it must pass is asked in one order (`hurdles.py`); the first that it
does not pass is why it fell. What is left is valued (`worth.py`), and the one worth most is chosen. Pure: the row is of
one time, the clock is an argument.
"""
