"""What the hosted application tells customers apart by, for tests of mandates."""

from agents.catalogue import declared_facts

FACTS = declared_facts("retention")
