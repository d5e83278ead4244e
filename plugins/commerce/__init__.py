"""The mutate plugin.

Balance adjustments and product orders. The only place in Placet where a mutation happens.
"""

from plugins.commerce.plugin import CommercePlugin

__all__ = ["CommercePlugin"]
