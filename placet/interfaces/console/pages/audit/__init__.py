"""The record: looking through it, verifying it, proving an entry, replaying a run."""
