"""Environments of the clients: one per list beside this file, made once and kept in `.clients/`.

Belongs here: making and finding them. Does not belong here: what is run in them.

A list `<client>.txt` names every package of a Python client with its version; `node/` has the lock of the
clients for Node. An environment is made anew when its list or the interpreter has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LISTS = Path(__file__).resolve().parent
KEPT = LISTS.parents[2] / ".clients"
PATIENCE_SECONDS = 600
NODE = "node"


class EnvironmentFailedError(RuntimeError):
    """An environment could not be made."""


def made(client: str) -> Path:
    """The folder of a client's environment; makes it if it is not there or of another list.

    Raises EnvironmentFailedError with what the installer said.
    """
    folder = KEPT / client
    mark = folder / ".made-of"
    wanted = _fingerprint(client)
    if mark.is_file() and mark.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    if client == NODE:
        _make_node(folder)
    else:
        _make_python(client, folder)
    mark.write_text(wanted)
    return folder


def _fingerprint(client: str) -> str:
    files = sorted((LISTS / NODE).glob("*.json")) if client == NODE else [LISTS / f"{client}.txt"]
    said = hashlib.sha256(sys.version.encode())
    for file in files:
        said.update(file.read_bytes())
    return said.hexdigest()


def _make_python(client: str, folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    python = str(folder / "bin" / "python")
    quiet = ["--quiet", "--disable-pip-version-check"]
    _run([python, "-m", "pip", "install", *quiet, "--no-deps", "-r", str(LISTS / f"{client}.txt")])


def _make_node(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise EnvironmentFailedError("expected npm beside node, found none; install both, or neither")
    folder.mkdir()
    for file in (LISTS / NODE).glob("*.json"):
        shutil.copy(file, folder)
    _run([npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], folder)


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=dict(os.environ)
    )
    if done.returncode:
        raise EnvironmentFailedError(f"{' '.join(command)} failed: {(done.stderr or done.stdout)[-2000:]}")
