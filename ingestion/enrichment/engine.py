"""What an engine is: named input frames, result tables, and one pure function between them.

Belongs here: the contract between an engine and whoever runs it. Does not belong here: any engine, the
warehouse (`running.py`), the list of engines (`registry.py`).

An engine never sees the warehouse. Relations that dbt builds come in as Arrow tables, rows go out, and what
it said before is at hand. So the same function serves the pipeline and the commands on files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from ingestion.source import ColumnType
from ingestion.warehouse import Session

Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class ResultTable:
    """One table that an engine fills, `enrichment_<engine>.<table>`.

    Arguments:
        key: the columns that make a row's key; none of them may be null.
        columns: name to type, the key's included.
        description: one sentence that opens with the grain.
        is_whole: each run tells everything there is, so that a key which did not come is gone. False: a run
            tells only what is new, and all other keys stay as they are.
    """

    key: tuple[str, ...]
    columns: Mapping[str, ColumnType]
    description: str
    is_whole: bool = True


@dataclass(frozen=True)
class EngineContext:
    """What an engine may know of the run.

    Arguments:
        now: the run's one `now`, naive UTC. Never read the clock.
        time_zone: the company's.
        earlier: by result table, what completed runs said: the declared columns, one row per key, and
            `_extracted_at`, when the row came to be as it is. Only of the tables in `Engine.reads_back`.
        report: called with (what is being done, how many so far, how many in all or None).
        note: called with a sentence that a reader of the results should know; it is shown with the run.
    """

    now: datetime
    time_zone: str = "UTC"
    earlier: Mapping[str, pa.Table] = field(default_factory=dict)
    report: Report = lambda what, done, total: None
    note: Callable[[str], None] = lambda text: None

    @property
    def today(self) -> date:
        """The company's date at `now`."""
        return self.now.replace(tzinfo=UTC).astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True)
class Engine:
    """One engine as the pipeline runs it.

    Arguments:
        name: short and lower case; the folder in `enrichment/`, the dataset `enrichment_<name>`.
        owner: who is told when it fails (`team:...` or an e-mail address).
        inputs: frame name to the relation `<schema>.<table>` that dbt builds for it. Where none of them is
            built (its sources are off), the engine is off.
        results: its tables by name.
        run: (frames by name, context) to rows by table: Arrow or pandas, columns as declared, in any order of
            rows. A table that is left out counts as empty. Decimal columns come in as doubles. Import heavy
            libraries inside of it: the module that says what the engine is must load in no time.
        reads_back: those of its own tables that it wants to see as they are, in `context.earlier`.
        forget: (session, dataset, ids of feedback items or None for all): takes the words of erased people
            out of its results. None where none of its results is made of anybody's words.
    """

    name: str
    owner: str
    inputs: Mapping[str, str]
    results: Mapping[str, ResultTable]
    run: Callable[[Mapping[str, pa.Table], EngineContext], Mapping[str, Any]]
    reads_back: tuple[str, ...] = ()
    forget: Callable[[Session, str, Collection[str] | None], None] | None = None

    @property
    def dataset(self) -> str:
        """Where its tables lie."""
        return f"enrichment_{self.name}"
