"""Strategies: what one is, and what is found of it before anybody signs it."""
