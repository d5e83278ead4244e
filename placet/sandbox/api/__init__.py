"""The TM Forum APIs the sandbox serves, one module each; every module has a `routes` function."""
