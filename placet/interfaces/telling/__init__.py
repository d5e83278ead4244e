"""The sentences that tell of the record's entries: of runs, and of what concerns a whole tenant."""
