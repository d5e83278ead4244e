"""The sandbox's product offerings, with list prices in cents per month.

List prices follow the price structure of the sample: for every row the sum over the services held is within
five dollars of `monthly_charges`. Any other offering id may be ordered too; its name is what the order says.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offering:
    """One offering; `monthly` is the list price in cents."""

    id: str
    name: str
    monthly: int


_ALL = (
    Offering("PO-voice", "Voice line", 2000),
    Offering("PO-voice-multi", "Voice, multiple lines", 2500),
    Offering("PO-voice-saver", "Voice line saver", 1600),
    Offering("PO-internet-dsl", "DSL internet", 2500),
    Offering("PO-internet-dsl-saver", "DSL internet saver", 2000),
    Offering("PO-internet-fiber", "Fiber optic internet", 5000),
    Offering("PO-internet-fiber-saver", "Fiber optic internet saver", 4200),
    Offering("PO-online-security", "Online security", 500),
    Offering("PO-online-backup", "Online backup", 500),
    Offering("PO-device-protection", "Device protection", 500),
    Offering("PO-tech-support", "Tech support", 500),
    Offering("PO-streaming-tv", "Streaming TV", 1000),
    Offering("PO-streaming-movies", "Streaming movies", 1000),
    Offering("PO-contract-12m", "One-year contract", 0),
    Offering("PO-contract-24m", "Two-year contract", 0),
)

OFFERINGS = {offering.id: offering for offering in _ALL}
INTERNET = {"DSL": "PO-internet-dsl", "Fiber optic": "PO-internet-fiber"}
TERM_MONTHS = {"Month-to-month": 1, "One year": 12, "Two year": 24}
"""Minimum term of each contract of the sample, in months."""
