"""The working warehouse: the one place that knows how to open its DuckDB file.

Belongs here: the lock between processes, and connections whose session is UTC. Does not belong here: any
table.

DuckDB locks a whole file per process: a writer shuts out every reader. So everything that opens the file
first takes `<path>.lock` and waits its turn, instead of failing.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingestion.errors import DiskFull, WarehouseError

logger = logging.getLogger(__name__)

_held = threading.local()
_SAY_AFTER_SECONDS = 2.0
_DISK_FULL_WORDS = (
    "No space left on device",
    "Disk quota exceeded",
    "out of disk space",
    "database or disk is full",
)


class Warehouse:
    """A DuckDB file that several processes use in turn.

    Arguments:
        path: of the DuckDB file; its folder is made when missing. `<path>.lock` lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.lock_path = self.path.with_name(self.path.name + ".lock")

    def __repr__(self) -> str:
        return f"Warehouse({str(self.path)!r})"

    @contextmanager
    def lock(self, who: str = "") -> Iterator[None]:
        """Hold the file for this thread; for what opens the file itself (dbt, dlt, an expectation suite).

        Waits as long as it takes, saying who holds it. May be nested within one thread. The lock goes with
        the process, so a kill never leaves it behind.

        Arguments:
            who: shown to those who wait.
        """
        depths: dict[str, int] = _held.__dict__.setdefault("depths", {})
        name = str(self.path)
        if depths.get(name):
            depths[name] += 1
            try:
                yield
            finally:
                depths[name] -= 1
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait_for(handle)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{who or 'norte'} (process {os.getpid()})".encode(), 0)
            depths[name] = 1
            try:
                yield
            finally:
                depths[name] = 0
        finally:
            os.close(handle)

    @contextmanager
    def connect(self, read_only: bool = False, who: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in UTC that holds the lock; closed, and with it the file, at the end.

        Raises WarehouseError when the file cannot be opened, DiskFull when there is no space left.
        """
        with self.lock(who):
            try:
                connection = duckdb.connect(str(self.path), read_only=read_only)
            except (duckdb.Error, OSError) as error:
                raise self._explained(error) from error
            try:
                connection.execute("set TimeZone = 'UTC'")
                yield connection
            except (duckdb.IOException, OSError) as error:
                if is_disk_full(error):
                    raise self._explained(error) from error
                raise
            finally:
                connection.close()

    def _wait_for(self, handle: int) -> None:
        pause = 0.005
        waited = 0.0
        has_spoken = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= _SAY_AFTER_SECONDS and not has_spoken:
                    holder = os.pread(handle, 200, 0).decode(errors="replace") or "another process"
                    logger.info("waiting for %s, held by %s", self.path.name, holder)
                    has_spoken = True
                time.sleep(pause)
                waited += pause
                pause = min(0.1, pause * 1.5)
            else:
                return

    def _explained(self, error: Exception) -> WarehouseError:
        if is_disk_full(error):
            return disk_full(self.path)
        text = str(error)
        if "Conflicting lock" in text or "Could not set lock" in text:
            return WarehouseError(
                f"{self.path}: expected nobody else to have the file open; another program has. What to do: "
                "close it (BI tools read the published copy, never this file) and run again"
            )
        if not self.path.exists():
            return WarehouseError(
                f"{self.path}: expected the warehouse; there is no such file. What to do: ingest first"
            )
        return WarehouseError(
            f"{self.path}: expected a DuckDB file that can be opened; came: {text}. What to do: check its "
            "rights and whether a newer version wrote it; if it is damaged, restore a backup"
        )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether 'no space left' is anywhere in the chain of causes."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
            return True
        if says_disk_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_disk_full(text: str) -> bool:
    """Whether a message of the system, DuckDB or SQLite says so."""
    return any(words in text for words in _DISK_FULL_WORDS)


def disk_full(path: Path) -> DiskFull:
    """The error for a full disk at `path`."""
    return DiskFull(
        f"{path}: expected space to write; the disk (or the quota) is full. What to do: free some space "
        "and run again; nothing is lost and nothing will be doubled"
    )
