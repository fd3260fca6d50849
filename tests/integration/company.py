"""A small sandbox company in a folder of its own, lived through the `norte` command as a person would.

Belongs here: starting the command, killing it, and what it leaves for a reader. Does not belong here: what is
asserted of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.sandbox.world.world import World
from orchestration.demo import Demo, DemoState
from tests.truth.base import Truth

NORTE = Path(sys.executable).with_name("norte")
ACCOUNTS, MONTHS = 30, 18
PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Day:
    """One lived day: the published file and the governance files as they stood."""

    now: datetime
    published: Path
    company: Path
    output: str

    def truth(self, world: World) -> Truth:
        return Truth(world, self.now, self.company, self.published)


class Company:
    """A home with a sandbox company.

    Arguments:
        home: the folder; made when missing.
        seed: of the world.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.demo = Demo(home)
        if not self.demo.exists:
            self.demo.remember(DemoState(seed=seed, accounts=ACCOUNTS, months=MONTHS))

    @property
    def world(self) -> World:
        return World.load(self.demo.world_path)

    @property
    def published(self) -> Path:
        return self.home / "published" / "current" / "norte.duckdb"

    def live_a_day(self, keep: Path) -> Day:
        """`norte demo`; what it published is copied to `keep`. Raises AssertionError with its output."""
        done = subprocess.run(
            [str(NORTE), "demo"],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        keep.mkdir(parents=True)
        shutil.copyfile(self.published, keep / "norte.duckdb")
        shutil.copytree(self.demo.company_path, keep / "company")
        now = self.demo.state().now
        assert now is not None
        return Day(now, keep / "norte.duckdb", keep / "company", done.stdout)

    def kill_when(self, says: Callable[[str], bool]) -> None:
        """`norte demo`, killed with everything that it started as soon as a line of its output `says` so."""
        lines = []
        with self._started("demo") as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if says(line):
                    _kill_tree(process.pid)
                    break
            else:
                raise AssertionError("the run ended before it could be killed:\n" + "".join(lines)[-6000:])

    def kill_publishing(self) -> None:
        """`norte publish`, killed when a release has been begun and none is finished."""
        with self._started("publish") as process:
            while not list((self.home / "published" / "releases").glob(".*/*.duckdb")):
                assert process.poll() is None, process.stdout and process.stdout.read()
                time.sleep(0.002)
            _kill_tree(process.pid)

    def _started(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(NORTE), command],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        """`norte run` against vendors that the caller serves."""
        return subprocess.run(
            [str(NORTE), "run", *arguments],
            env=self._environment() | settings,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "NORTE_HOME": str(self.home), "COLUMNS": "200"}


def _kill_tree(root: int) -> None:
    """SIGKILL to a process and all its descendants, whatever groups they made for themselves."""
    doomed, found = [root], [root]
    while found:
        parent = found.pop()
        children = Path(f"/proc/{parent}/task/{parent}/children")
        kin = [int(child) for child in children.read_text().split()] if children.exists() else []
        doomed += kin
        found += kin
    for pid in doomed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
