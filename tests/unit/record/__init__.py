"""The chain, the Merkle log, checkpoints, and what is kept."""
