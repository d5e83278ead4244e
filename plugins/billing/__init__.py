"""The read plugin.

Customer, products, bills, balances and usage from TM Forum APIs. It can change nothing.
"""

from plugins.billing.plugin import BillingPlugin

__all__ = ["BillingPlugin"]
