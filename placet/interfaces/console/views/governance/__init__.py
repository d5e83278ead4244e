"""What the pages of governance and of the record show, as pure functions."""
