"""Dagster's event log in SQLite files, with connections that stay open.

Belongs here: how the instance's event log is opened. Does not belong here: what is in it.

The library's own storage makes an engine, and opens a connection, for every event: compiling the same
statements again and again, and waiting for the disk at each commit, took longer than building the tables of a
small company. Here an engine is kept per file, and SQLite waits for the disk at checkpoints only: in its
write-ahead mode that can lose the last events in a power cut, never damage the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import _check as check
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

KEPT_FILES = 4


class EventLog(SqliteEventLogStorage):
    """The same files and tables as the library's; only the way to them differs."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._process = os.getpid()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> EventLog:
        """As the instance's configuration says."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(check.str_param(shard, "shard"))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """The library asks before each event of a check, on a connection of its own; no table ever goes."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Closes the files."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()

    def _engine(self, shard: str) -> Engine:
        if self._process != os.getpid():
            # A SQLite connection must not be carried over a fork.
            self._engines.clear()
            self._process = os.getpid()
        if shard not in self._engines:
            while len(self._engines) >= KEPT_FILES:
                self._engines.pop(next(iter(self._engines))).dispose()
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                pool_size=1,
                max_overflow=4,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _wait_at_checkpoints_only)
            self._engines[shard] = engine
        return self._engines[shard]


def _wait_at_checkpoints_only(connection: Any, record: Any) -> None:
    connection.execute("pragma synchronous = normal")
