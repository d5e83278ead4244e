"""Policy sets from text, as tests write them."""

from pathlib import Path

from placet.governance.policy import PolicySet
from placet.governance.policy_source import PolicyFile

RETENTION = Path(__file__).parents[2] / "agents" / "retention"
DEFAULT = (RETENTION / "policy.cedar").read_text()


def files(*texts: str) -> tuple[PolicyFile, ...]:
    """Files `a.cedar`, `b.cedar`, …"""
    return tuple(PolicyFile(name=f"{chr(ord('a') + place)}.cedar", text=text) for place, text in enumerate(texts))


def a_set(*texts: str) -> PolicySet:
    """The set of these files."""
    return PolicySet(files(*texts))
