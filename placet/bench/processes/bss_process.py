"""`python -m placet.bench.processes.bss_process PLACE.json`: the sandbox BSS on its own database file."""

import sys
from pathlib import Path

from placet.bench.processes.place import Place
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import serve

if __name__ == "__main__":
    place = Place.read(Path(sys.argv[1]))
    serve(SandboxConfig(port=place.bss_port, database=place.home / "bss.db", customers=place.customers))
