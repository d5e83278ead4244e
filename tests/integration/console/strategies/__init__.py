"""Publishing strategies and rolling them out in the console."""
