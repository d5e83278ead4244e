"""Commands that keep data or let it go: backup, restore and retention."""
