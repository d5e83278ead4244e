"""`placet up` before it is ready: Ctrl-C stops it at once and says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.guard import GUARD


def test_ctrl_c_ends_a_start(tmp_path: Path) -> None:
    environment = {**os.environ, "PLACET_HOME": str(tmp_path)}
    first = subprocess.Popen(
        [sys.executable, "-m", "placet.entrypoints.program", "up"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline().startswith("starting Temporal")
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=GUARD)
    assert (first.returncode, rest) == (130, "stopping …\nstopped\n")
