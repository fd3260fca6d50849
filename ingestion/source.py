"""What a source is: its resources, and the slices of records that it yields.

Belongs here: the contract between a vendor's connector and the pipeline. Does not belong here: anything about
HTTP, dlt or the warehouse.

A connector turns a vendor's answers into plain records. The pipeline adds the raw envelope, casts the typed
columns, drops what has not changed, rejects what cannot be read, and loads each slice as one dlt package
together with the cursor that the slice ends with. A kill therefore loses the slice under way and nothing
else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

ColumnType = Literal["text", "bigint", "double", "boolean", "timestamp", "date"]


@dataclass(frozen=True)
class Resource:
    """One raw table.

    Arguments:
        name: the vendor's plural entity; the table in `raw_<source>`.
        key: the columns that make the row's key, joined by `:`.
        columns: typed columns, name to type. All else of the vendor's object lives in `payload`.
        updated_at: the typed column that holds the source's own time of change, if there is one.
        personal: text columns with personal data; the pipeline adds `<column>_key` (an HMAC) beside those
            in `keyed`.
        keyed: those of `personal` that get a `<column>_key`; a row with somebody's address there is theirs.
        whose: columns with the id of the person who wrote or did what the row tells, or who it is, and the
            resources of this source that such an id is of. An erasure empties what is theirs.
        parent: for a list flattened out of another resource: that resource's name. Its rows carry
            `_parent_version_id` and are re-appended only when the parent has a new version.
        is_append_only: an event stream; a known key is never looked at again.
        description: one sentence for the catalogue.
        optional_key: those columns of `key` that may be empty; a row without any other is rejected.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnType]
    updated_at: str | None = None
    personal: tuple[str, ...] = ()
    keyed: tuple[str, ...] = ()
    whose: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parent: str | None = None
    is_append_only: bool = False
    description: str = ""
    optional_key: tuple[str, ...] = ()


# Not frozen: that takes three times as long to make, and a load makes one for each row.
@dataclass(slots=True)
class Record:
    """One object as the vendor told it; not changed once it is made.

    Arguments:
        values: the typed columns, as the vendor gave them (text is fine: the pipeline casts).
        payload: the whole object, for the `payload` column; None for a tombstone or a flattened child.
        is_deleted: the vendor, or an id sweep, says that it is gone.
        children: for each child resource the list of its records' `values`.
        updated_at: overrides the resource's `updated_at` column (a tombstone's last known time).
        key: the whole key, for a tombstone whose key columns are not at hand (see `Known.keys`).
    """

    values: Mapping[str, Any]
    payload: Any = None
    is_deleted: bool = False
    children: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    updated_at: datetime | str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Malformed:
    """An object that cannot even be keyed: goes to `<resource>_rejected` with the reason."""

    reason: str
    payload: Any


@dataclass(frozen=True)
class Batch:
    """Records of one resource; a list, or a pyarrow table whose columns are the typed columns plus
    `payload`.
    """

    resource: str
    records: Any  # Sequence[Record | Malformed] | pyarrow.Table


@dataclass
class Slice:
    """A piece of a load that is committed as one: its batches, and the source's state once it is in.

    `state` is called after `batches` is exhausted, and returns the whole new state (JSON-able) of the source.
    """

    name: str
    batches: Iterable[Batch]
    state: Callable[[], dict[str, Any]]
    expected_rows: int | None = None


class Known(Protocol):
    """What the warehouse already holds from completed loads, read before the extraction begins."""

    def keys(self, resource: str, prefix: str | None = None) -> set[str]:
        """Keys whose latest version is alive (not a tombstone); with `prefix`, only those that start with
        it. Of an append-only resource none are kept as text.
        """
        ...


@dataclass(frozen=True)
class RunContext:
    """What a connector may know of the run.

    Arguments:
        instance: the connection's name (`jira`, `jira_emea`).
        now: the run's one `now`, aware UTC. Never read the clock.
        state: the state that the last committed slice ended with; empty on a first load.
        known: see Known.
        report: called with (resource, rows so far, rows expected or None) for progress.
        on_request: called with the status of every answer of the vendor, for the run's counters; give it
            to HttpClient.
        backfill: first and last day (of the event stream's dates) to read once more, or None. The state
            then stays as it is.
        scratch: a folder of this run for files that a connector streams to disk; emptied when the run ends.
    """

    instance: str
    now: datetime
    state: dict[str, Any]
    known: Known
    report: Callable[[str, int, int | None], None]
    on_request: Callable[[int], None] = lambda status: None
    scratch: Path = Path()
    backfill: tuple[date, date] | None = None


class Source(Protocol):
    """A vendor's connector; `ingestion/sources/<vendor>/__init__.py` exposes one as `source`.

    A source with an event stream may also have `known_since(settings, state, now, backfill)`, which
    returns, by append-only resource, the earliest `updated_at` (naive UTC) that the run will read: keys
    older than that need not be compared.
    """

    name: str
    resources: tuple[Resource, ...]

    def settings_class(self) -> type:
        """The dlt configspec of one connection; resolved from `sources.<name>` (or `sources.<instance>`)."""
        ...

    def slices(self, settings: Any, context: RunContext) -> Iterator[Slice]:
        """The work of one run, oldest slice first."""
        ...
