"""The working warehouse: what every kind of it can do, and nothing of any one kind.

Belongs here: the interface that loading, building, checking, publishing and backing up use. Does not belong
here: SQL of one warehouse, connections, drivers: `warehouses/<kind>.py` holds all that a kind needs, and
`dbt_project/macros/warehouses/<kind>.sql` what its SQL spells differently. Any table's meaning, neither.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa

from ingestion.errors import DiskFull, IngestionError

_DISK_FULL_WORDS = (
    "No space left on device",
    "Disk quota exceeded",
    "out of disk space",
    "database or disk is full",
    "could not extend file",
)


# Columns by table by schema.
Catalogue = dict[str, dict[str, set[str]]]


class Session(ABC):
    """An open connection to a warehouse, in UTC.

    Queries name their parameters `$name` and are written in the SQL that all warehouses share.
    """

    # What orders the rows of a table that is only ever appended to as they came.
    arrival_order: ClassVar[str]
    # What names a row as long as nobody changes it, as text.
    row_address: ClassVar[str]

    @abstractmethod
    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    @abstractmethod
    def arrow(self, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """All rows of a query as an Arrow table: for sets that are too large for tuples."""

    @abstractmethod
    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that has no rows; it is committed when this returns."""

    def insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append a few rows, each by a statement of its own.

        Arguments:
            table: `<schema>.<table>`.
        """
        for row in rows:
            values = ", ".join(f"${name}" for name in row)
            self.execute(f"insert into {table} ({', '.join(row)}) values ({values})", row)

    @abstractmethod
    def columns(self, schema: str) -> dict[str, set[str]]:
        """Tables of a schema with their columns; empty when there is no such schema."""

    @abstractmethod
    def catalogue(self, prefix: str) -> Catalogue:
        """The same of all schemas whose name begins so: one look instead of many."""

    @abstractmethod
    def schemas(self, prefix: str) -> list[str]:
        """Schemas whose name begins so."""

    @abstractmethod
    def row_counts(self) -> dict[str, int]:
        """`<schema>.<table>` to about how many rows, as the catalogue knows it: no table is read."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All that is executed in the block, or nothing of it."""

    @abstractmethod
    def amend(self, table: str, rows: pa.Table) -> None:
        """Put values in the place of others.

        Arguments:
            table: `<schema>.<table>`.
            rows: `_row`, as `row_address` tells it in this transaction, and the columns to change.
        """

    @abstractmethod
    def drop_built(self) -> list[str]:
        """Drop everything that is built from raw and from what engines told; returns the schemas."""

    @abstractmethod
    def latest_rows(self, table: str, condition: str, key: str, columns: Sequence[str]) -> str:
        """SQL for the latest row of each key among raw rows, in the order of staging: key, then `columns`."""


class TableCopy(ABC):
    """Copies tables of the warehouse into a DuckDB file.

    Arguments:
        present: `<schema>.<table>` of all tables of the warehouse.
    """

    present: frozenset[str]

    @abstractmethod
    def copy(self, schema: str, table: str) -> int:
        """Copy one table to where it has the same name; returns how many rows it has."""


@dataclass(frozen=True)
class Examined:
    """One thing that was looked at.

    Arguments:
        subject: in one or two words.
        level: how bad it is.
        found: what is, in words; of a problem what was expected, too.
        remedy: what to do; empty if it is ok.
    """

    subject: str
    level: Literal["ok", "warning", "problem"]
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class ServedTable:
    """A table as readers are to see it.

    Arguments:
        description: its comment.
        columns: description by column.
    """

    schema: str
    name: str
    description: str
    columns: Mapping[str, str]


class Warehouse(ABC):
    """One company's warehouse."""

    kind: ClassVar[str]
    # How many runs may write at a time, and how many files of one load.
    concurrent_writers: ClassVar[int]
    load_workers: ClassVar[int]

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for messages: never a credential."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether anything was ever written to it."""

    @abstractmethod
    def lock(self, who: str = "", dataset: str | None = None) -> AbstractContextManager[None]:
        """Keep others from changing the warehouse until the block ends; for this thread, may be nested.

        Waits as long as it takes, saying who holds it. It goes with the process: a kill never leaves it
        behind. What goes wrong with the warehouse inside is raised as a WarehouseError.

        Arguments:
            who: shown to those who wait.
            dataset: of a load: others may load into other datasets meanwhile, where the warehouse can.
        """

    @abstractmethod
    def loading(self, who: str, dataset: str) -> AbstractContextManager[None]:
        """`lock` for a load by dlt, which opens the warehouse once for each of its jobs: what opening costs
        is paid once.
        """

    @abstractmethod
    def holder(self) -> str | None:
        """Who keeps others from changing it now; None if nobody does."""

    @abstractmethod
    def open(self, read_only: bool = False, who: str = "") -> AbstractContextManager[Session]:
        """A session, closed at the end. Raises WarehouseError when there is none to be had."""

    @abstractmethod
    def destination(self) -> Any:
        """dlt's destination."""

    @abstractmethod
    def dbt_environment(self) -> dict[str, str]:
        """Variables that dbt's profile reads; among them may be a password."""

    @abstractmethod
    def sql_address(self) -> tuple[str, dict[str, Any]]:
        """SQLAlchemy's address, which may hold a password, and arguments of its driver; reading in UTC."""

    @abstractmethod
    def explained(self, error: BaseException) -> IngestionError | None:
        """What an error of the warehouse's means and what to do; None for an error of something else."""

    @abstractmethod
    def copying(self, file: Path, storage_version: str | None) -> AbstractContextManager[TableCopy]:
        """Copies into a DuckDB file, which is made where it is missing; takes the lock."""

    @abstractmethod
    def serve(self, file: Path, tables: Sequence[ServedTable], name: str) -> None:
        """Let the warehouse's own readers see the tables of a release, as one state.

        Arguments:
            file: the release's DuckDB file.
            name: of the release.
        """

    @abstractmethod
    def rewrite(self) -> tuple[int, int]:
        """Write all anew without what was deleted, which stays readable on disk until then.

        Returns: bytes before and after. The caller holds the lock.
        """

    @abstractmethod
    def saved_raw(self, folder: Path) -> AbstractContextManager[Path]:
        """A DuckDB file with at least what cannot be computed again. The caller holds the lock.

        Arguments:
            folder: where it may be written, if there is none yet; removed at the end.
        """

    @abstractmethod
    def restore_raw(self, file: Path) -> None:
        """Put what such a file holds in the place of all that is there, in one step; holds the lock."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything that was ever written."""

    @abstractmethod
    def examine(self, report: Callable[[Session], Iterator[Examined]]) -> Iterator[Examined]:
        """Whether it can be reached and used, and what `report` says of its content."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and everything that led to it, however a library wrapped it."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        names = ("exception", "dbapi_exception", "orig", "__cause__", "__context__")
        pending += [getattr(one, name, None) for name in names]


def is_disk_full(error: BaseException | None) -> bool:
    """Whether 'no space left' is anywhere in the chain of causes."""
    if error is None:
        return False
    return any(
        (isinstance(one, OSError) and one.errno in (28, 122)) or says_disk_full(str(one))  # ENOSPC, EDQUOT
        for one in causes(error)
    )


def says_disk_full(text: str) -> bool:
    """Whether a message of the system, a warehouse or SQLite says so."""
    return any(words in text for words in _DISK_FULL_WORDS)


def disk_full(place: Path | str) -> DiskFull:
    """The error for a full disk at `place`."""
    return DiskFull(
        f"{place}: expected space to write; the disk (or the quota) is full. What to do: free some space "
        "and run again; nothing is lost and nothing will be doubled"
    )
