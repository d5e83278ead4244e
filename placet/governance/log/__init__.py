"""The log: hash chain, Merkle tree, notes, checkpoints, proof bundles, the log's key."""
