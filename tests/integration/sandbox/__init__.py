"""The sandbox BSS over HTTP."""
