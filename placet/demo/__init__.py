"""`placet demo`: one governed run from request to proof."""

from placet.demo.session import run_demo

__all__ = ["run_demo"]
