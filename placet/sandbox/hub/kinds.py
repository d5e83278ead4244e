"""The kinds of event: each is the notification that the API of its resource defines, and that resource's name in it.

TMF678 v4 defines none; its name here follows the others.
"""

from typing import Final

ADJUSTED: Final = "AdjustBalanceCreateEvent"
TOPPED_UP: Final = "TopupBalanceCreateEvent"
BILLED: Final = "CustomerBillCreateEvent"
USED: Final = "UsageCreateEvent"
CREATED: Final = "CustomerCreateEvent"
CHANGED: Final = "CustomerAttributeValueChangeEvent"
ORDERED: Final = "ProductOrderStateChangeEvent"

KINDS: Final = {
    ADJUSTED: "adjustBalance",
    TOPPED_UP: "topupBalance",
    BILLED: "customerBill",
    USED: "usage",
    ORDERED: "productOrder",
    CREATED: "customer",
    CHANGED: "customer",
}
