"""What pages show, made of messages by pure functions: no database, no clock, no request."""
