"""The console script: nothing is imported before an interruption is heard."""

import sys


def main() -> None:
    """Run `placet`; Ctrl-C while it is still importing ends it without a traceback."""
    try:
        from placet.entrypoints.main import main as run  # noqa: PLC0415 - takes seconds on a busy machine
    except KeyboardInterrupt:
        sys.exit(130)
    run()
