"""The HTTP API: what an upstream system may ask of Placet. Its rules are those of placet.service.runs."""
