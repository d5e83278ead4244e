"""What the console keeps beside the record: sessions, prompts and invitations. No row counts without its seal."""
