"""Who a customer is: keys by which systems know them, and the one view over all that is known."""
