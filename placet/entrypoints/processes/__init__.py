"""Child processes: started, watched, started again, and never left behind."""
