"""What the sandbox's state is and how it changes: balances, orders, inventory, stored documents."""
