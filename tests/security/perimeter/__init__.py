"""Who stands outside: files, networks, terminals, Temporal."""
