"""How every HTTP client of ours reaches the network: no redirect, no proxy and no certificate from the environment."""
