"""The Dagster UI: web server, daemon and code server as one tree of processes.

Belongs here: starting and ending them. Does not belong here: what they show.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

PATIENCE_SECONDS = 10.0


def serve_ui(environment: Mapping[str, str], workspace: Path, port: int) -> None:
    """Serves the UI on loopback until it ends or Ctrl-C comes; then ends the whole tree.

    Arguments:
        workspace: the file that says where the definitions are.

    `dg dev` can outlive a signal, so its processes get a group of their own.
    """
    dg = Path(sys.executable).with_name("dg")
    command = [str(dg), "dev", "--workspace", str(workspace), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env=dict(environment), cwd=PROJECT_ROOT, start_new_session=True)

    def ask_to_end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ask_to_end)
    try:
        process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGINT, PATIENCE_SECONDS), (signal.SIGTERM, 2.0), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        until = time.monotonic() + patience
        while time.monotonic() < until and _group_lives(process):
            time.sleep(0.1)
    process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
