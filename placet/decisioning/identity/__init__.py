"""Who a key is: keys as sources declare them, and the one customer that a key leads to."""
