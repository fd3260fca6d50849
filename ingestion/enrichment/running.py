"""Runs an engine against the warehouse: relations to frames, frames through the engine, rows through dlt.

Belongs here: the order of a run and the envelope of result tables. Does not belong here: any method
(`<engine>/`), what the relations hold (dbt), how rows are loaded (`pipeline.py`).

A run of an engine:
1. under the warehouse lock: remove what a killed run left behind, read the input relations, the engine's own
   results as they are, let go of the file;
2. with the file closed: the engine;
3. one dlt package with the rows of all its tables that are new or differ, and tombstones for keys that are
   gone. The run counts when dlt says so in `_dlt_loads`: a kill at any moment leaves what was there before.

Envelope of every result table, beside the declared columns:
`_key` (the key's columns joined by `:`), `_version_id` (hash of the row), `_sequence` (number of the run that
wrote it; of a key's rows the highest counts), `_extracted_at` (the run's now), `_is_deleted`, `_dlt_load_id`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.enrichment.engine import Engine, EngineContext, Report, ResultTable
from ingestion.errors import IngestionError
from ingestion.pipeline import append_tables, compact
from ingestion.source import ColumnType
from ingestion.tables import arrow_schema, fetched
from ingestion.warehouse import Session, Warehouse

RUNS_TABLE = "runs"
RUNS_COLUMNS: dict[str, ColumnType] = {
    "result_table": "text",
    "row_count": "bigint",
    "appended_count": "bigint",
    "deleted_count": "bigint",
    "_sequence": "bigint",
    "_extracted_at": "timestamp",
    "_dlt_load_id": "text",
}
_ENVELOPE: dict[str, ColumnType] = {
    "_key": "text",
    "_version_id": "text",
    "_sequence": "bigint",
    "_extracted_at": "timestamp",
    "_is_deleted": "boolean",
}


class EngineFailed(IngestionError):  # noqa: N818 (reads as what happened)
    """An engine broke, or gave what it had not promised. What it had said before stands."""


@dataclass(frozen=True)
class TableSummary:
    """What a run did to one result table: rows it told, rows appended (new or changed), keys gone."""

    rows: int
    appended: int
    deleted: int


@dataclass(frozen=True)
class _Look:
    """What the warehouse held before the engine ran."""

    frames: dict[str, pa.Table]
    current: dict[str, pa.Table]
    sequence: int


def result_columns(result: ResultTable) -> dict[str, ColumnType]:
    """All columns of a result table in their order: envelope, declared columns, load id."""
    return {**_ENVELOPE, **result.columns, "_dlt_load_id": "text"}


def engine_tables(engine: Engine) -> dict[str, dict[str, ColumnType]]:
    """Every table of the engine's dataset with its columns."""
    results = {name: result_columns(result) for name, result in engine.results.items()}
    return {RUNS_TABLE: dict(RUNS_COLUMNS), **results}


def make_engine_tables(engine: Engine, *, warehouse: Warehouse, pipelines_dir: Path) -> None:
    """The engine's tables, empty where they, or columns of theirs, do not exist yet: dbt reads them before
    the engine has ever run.
    """
    wanted = engine_tables(engine)
    with warehouse.open(who=f"the {engine.name} engine") as session:
        there = session.columns(engine.dataset)
    if any(not columns.keys() <= there.get(table, set()) for table, columns in wanted.items()):
        append_tables(engine.dataset, wanted, {}, warehouse=warehouse, pipelines_dir=pipelines_dir)


def run_engine(
    engine: Engine,
    *,
    warehouse: Warehouse,
    pipelines_dir: Path,
    now: datetime,
    time_zone: str = "UTC",
    report: Report | None = None,
    note: Callable[[str], None] | None = None,
) -> dict[str, TableSummary]:
    """Bring an engine's results up to date with its inputs.

    Arguments:
        engine: its input relations must have been built.
        now: the run's one clock, aware.
        time_zone: the company's.
        report, note: see `EngineContext`.

    Raises EngineFailed, WarehouseError. Nothing has changed then.
    """
    moment = now.astimezone(UTC).replace(tzinfo=None)
    make_engine_tables(engine, warehouse=warehouse, pipelines_dir=pipelines_dir)
    look = _look(engine, warehouse)
    earlier = {name: _as_told(engine.results[name], look.current[name]) for name in engine.reads_back}
    context = EngineContext(
        now=moment,
        time_zone=time_zone,
        earlier=earlier,
        report=report or (lambda what, done, total: None),
        note=note or (lambda text: None),
    )
    try:
        told = engine.run(look.frames, context)
    except IngestionError as error:
        raise EngineFailed(str(error)) from error
    except Exception as error:
        raise EngineFailed(
            f"{engine.name}: expected the engine to come to its end; came {type(error).__name__}. What to "
            "do: the run's log has the trace; its earlier results stand until it works"
        ) from error
    unknown = sorted(set(told) - set(engine.results))
    if unknown:
        raise EngineFailed(
            f"{engine.name}: expected rows of {', '.join(sorted(engine.results))}; came also "
            f"{', '.join(unknown)}. What to do: declare the table in the engine's results"
        )
    rows: dict[str, pa.Table] = {}
    summaries: dict[str, TableSummary] = {}
    for name, result in engine.results.items():
        table = _accepted(engine, name, result, told.get(name))
        if not _has_one_row_per_key(result, table):
            raise EngineFailed(
                f"{engine.name}: expected one row of {name} per {', '.join(result.key)}; came several. What "
                "to do: correct the engine"
            )
        rows[name], summaries[name] = _difference(result, table, look.current[name], look.sequence, moment)
    rows[RUNS_TABLE] = pa.Table.from_pylist(
        [
            {
                "result_table": name,
                "row_count": summary.rows,
                "appended_count": summary.appended,
                "deleted_count": summary.deleted,
                "_sequence": look.sequence,
                "_extracted_at": moment,
            }
            for name, summary in summaries.items()
        ],
        schema=arrow_schema(dict(RUNS_COLUMNS)),
    )
    append_tables(
        engine.dataset, engine_tables(engine), rows, warehouse=warehouse, pipelines_dir=pipelines_dir
    )
    return summaries


def _look(engine: Engine, warehouse: Warehouse) -> _Look:
    who = f"the {engine.name} engine"
    with warehouse.lock(who, dataset=engine.dataset), warehouse.open(who=who) as session:
        compact(session, engine.dataset)
        frames = {}
        for name, relation in engine.inputs.items():
            schema, _, table = relation.partition(".")
            if table not in session.columns(schema):
                raise EngineFailed(
                    f"{engine.name}: expected the relation {relation} for its frame {name}; it is not there. "
                    "What to do: build the models (`norte run --build`)"
                )
            frames[name] = _doubles(session.arrow(f"select * from {relation}"))
        current = {
            name: _current(session, f"{engine.dataset}.{name}", result)
            for name, result in engine.results.items()
        }
        last = session.rows(f"select coalesce(max(_sequence), 0) from {engine.dataset}.{RUNS_TABLE}")
    return _Look(frames, current, int(last[0][0]) + 1)


def _current(session: Session, relation: str, result: ResultTable) -> pa.Table:
    """The rows that are alive, one per key."""
    columns = ", ".join(["_key", "_version_id", "_extracted_at", *result.columns])
    return session.arrow(
        f"select {columns} from (select *, row_number() over (partition by _key order by _sequence desc) as"
        f" version_rank from {relation}) as ranked where version_rank = 1 and not _is_deleted order by _key"
    )


def _as_told(result: ResultTable, current: pa.Table) -> pa.Table:
    return current.select([*result.columns, "_extracted_at"])


def _doubles(table: pa.Table) -> pa.Table:
    for position, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type):
            table = table.set_column(position, column.name, table.column(position).cast(pa.float64()))
    return table


def _accepted(engine: Engine, name: str, result: ResultTable, told: Any) -> pa.Table:
    """What the engine told, in the declared columns and types; raises EngineFailed when it does not fit."""
    schema = arrow_schema(dict(result.columns))
    if told is None:
        return schema.empty_table()
    table = told if isinstance(told, pa.Table) else pa.Table.from_pandas(told, preserve_index=False)
    if set(table.column_names) != set(result.columns):
        raise EngineFailed(
            f"{engine.name}: expected {name} with the columns {', '.join(sorted(result.columns))}; came "
            f"{', '.join(sorted(table.column_names))}. What to do: correct the engine or its declared results"
        )
    try:
        table = table.select(list(result.columns)).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise EngineFailed(
            f"{engine.name}: expected {name} in its declared types; came a value that does not fit ({error}"
            "). What to do: correct the engine or its declared results"
        ) from error
    if any(table.column(column).null_count for column in result.key):
        raise EngineFailed(
            f"{engine.name}: expected a key ({', '.join(result.key)}) in each row of {name}; came rows "
            "without. What to do: correct the engine"
        )
    return table


def _key_of(result: ResultTable) -> str:
    """SQL for `_key` of a row of `told`."""
    return "concat_ws(':', " + ", ".join(f"cast(told.{name} as varchar)" for name in result.key) + ")"


def _has_one_row_per_key(result: ResultTable, table: pa.Table) -> bool:
    with duckdb.connect(":memory:") as database:
        database.register("told", table)
        found = database.execute(f"select count(distinct {_key_of(result)}) from told").fetchone()
    return found is not None and found[0] == table.num_rows


def _difference(
    result: ResultTable, told: pa.Table, current: pa.Table, sequence: int, now: datetime
) -> tuple[pa.Table, TableSummary]:
    """The rows to append: what is new or differs, and tombstones for what is gone."""
    # Marks that no text holds keep ('a', nothing) apart from (nothing, 'a') and from ('a', '').
    contents = ", ".join(f"coalesce(cast(told.{name} as varchar), chr(30))" for name in result.columns)
    names = ", ".join(f"told.{name}" for name in result.columns)
    blanks = ", ".join(f"null as {name}" for name in result.columns)
    with duckdb.connect(":memory:") as database:
        database.execute("set TimeZone = 'UTC'")
        database.register("told_rows", told)
        database.register("current_rows", current)
        values = {"sequence": sequence, "now": now}
        database.execute(
            f"create table told as select {_key_of(result)} as _key,"
            f" md5(concat_ws(chr(31), {contents})) as _version_id, {names} from told_rows as told"
        )
        changed = fetched(
            database,
            f"select told._key, told._version_id, $sequence::bigint as _sequence, $now::timestamp as "
            f"_extracted_at, false as _is_deleted, {names} from told left join current_rows on told._key = "
            "current_rows._key where current_rows._version_id is distinct from told._version_id "
            "order by told._key",
            values,
        )
        gone = fetched(
            database,
            f"select current_rows._key, md5('deleted') as _version_id, $sequence::bigint as _sequence, "
            f"$now::timestamp as _extracted_at, true as _is_deleted, {blanks} from current_rows where not "
            "exists (select 1 from told where told._key = current_rows._key) "
            f"and {'true' if result.is_whole else 'false'} order by current_rows._key",
            values,
        )
    schema = arrow_schema({**_ENVELOPE, **result.columns})
    rows = pa.concat_tables([changed.cast(schema), gone.cast(schema)])
    summary = TableSummary(rows=told.num_rows, appended=changed.num_rows, deleted=gone.num_rows)
    return rows.append_column("_dlt_load_id", pa.nulls(rows.num_rows, pa.string())), summary
