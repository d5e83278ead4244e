"""`placet demo`: one governed run from request to proof; with `--journeys`, six journeys from event to effect."""

from placet.demo.session import run_demo
from placet.demo.six import run_journeys

__all__ = ["run_demo", "run_journeys"]
