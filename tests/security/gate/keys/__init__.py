"""Passkeys at the running system: forged, rolled back, used elsewhere."""
