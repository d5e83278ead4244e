"""The record in the database: entries, the Merkle tree above them, checkpoints, verification."""
