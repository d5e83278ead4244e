"""What customers did in a window of days, from the events that are kept: the same for whoever asks again."""
