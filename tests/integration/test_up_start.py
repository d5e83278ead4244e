"""`placet up` before it is ready: a second one refuses first, and Ctrl-C stops it at once and says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

UP = [sys.executable, "-m", "placet.entrypoints.main", "up"]


def test_a_second_up_refuses_before_anything_and_ctrl_c_ends_a_start(tmp_path: Path) -> None:
    environment = {**os.environ, "PLACET_HOME": str(tmp_path)}
    first = subprocess.Popen(UP, env=environment, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline().startswith("starting Temporal")
    second = subprocess.run(UP, env=environment, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"placet: a stack is running in {str(tmp_path)!r}")
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=60)
    assert (first.returncode, rest) == (130, "stopping …\nstopped\n")
