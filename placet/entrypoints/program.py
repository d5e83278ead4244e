"""The console script, and what `placet` starts as its children: nothing is imported before an interruption is heard."""

import gc
import os
import sys

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""The default, 700, went through all modules again and again while they were imported: a tenth of a command's CPU."""


def main() -> None:
    """Run `placet`; Ctrl-C while it is still importing ends it without a traceback."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    # No other package may hook into our checks; to ask which want to, Pydantic reads what every package says of itself.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    try:
        from placet.entrypoints.main import main as run  # noqa: PLC0415 - takes seconds on a busy machine
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
