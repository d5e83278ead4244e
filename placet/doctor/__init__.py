"""`placet doctor`: what is installed, reachable and misconfigured. Probes are modules; `diagnosis.py` runs them."""
