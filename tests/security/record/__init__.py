"""What is written behind our back is found or counts for nothing."""
