"""One run of a connection: from what the warehouse knows, through slices, to committed raw rows.

Belongs here: the order of a run, and the only place that builds a dlt pipeline. Does not belong here: what
a vendor says (`sources/`), how rows are made (`envelope.py`), the lock (`warehouse.py`).

A run of a connection:
1. under the warehouse lock: remove what loads that never completed left behind, read the state and the last
   versions of completed loads, let go of the file;
2. per slice, with no lock: extract, make rows, write them to a dlt package together with the state and the
   audit; where there are no rows and nothing is missing, no package is needed;
3. per slice, under the lock: load the package, or write down state and audit alone. The load is complete when
   `_dlt_loads` says so; the state that counts is the one of the last completed load.

Nothing local survives between runs: pending packages are dropped and what they held is extracted again. So
a kill at any moment loses at most the slice under way, and nothing is ever doubled.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from hashlib import md5
from itertools import chain
from pathlib import Path
from typing import Any

import dlt
import orjson
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.common.schema.utils import new_table
from dlt.common.storages.load_package import create_load_id, load_package_state
from dlt.extract import DltSource

from ingestion.envelope import Counts, Envelope, open_database, person_key
from ingestion.erasure.redaction import Redactor
from ingestion.erasure.register import read_register
from ingestion.errors import ConfigurationInvalid, IngestionError, MixedData, SourceError
from ingestion.known import KnownRows, Snapshot, read_snapshot, read_state
from ingestion.registry import Connection, connection, settings_of
from ingestion.source import ColumnType, RunContext, Slice
from ingestion.tables import (
    AUDIT_TABLE,
    PACKAGE,
    STATE_TABLE,
    all_tables,
    arrow_schema,
    dataset_name,
    dlt_column,
    dlt_schema,
    missing_tables,
)
from ingestion.warehouse import Catalogue, Session, Warehouse, causes, disk_full, is_disk_full

logger = logging.getLogger(__name__)

Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class LoadSummary:
    """What a run did.

    Arguments:
        instance, source: the connection and its connector.
        slices: loads that were committed.
        rows_loaded, rows_rejected, tombstones: by resource; tombstones are among the loaded.
        api_requests: requests sent, retries included.
        duration_s: seconds of wall-clock.
        state_after: the connector's state that the warehouse now holds.
    """

    instance: str
    source: str
    slices: int
    rows_loaded: dict[str, int]
    rows_rejected: dict[str, int]
    tombstones: dict[str, int]
    api_requests: int
    duration_s: float
    state_after: dict[str, Any]


@dataclass
class _Run:
    """What the steps of one run share."""

    connection: Connection
    warehouse: Warehouse
    envelope: Envelope
    now: datetime  # naive UTC
    is_sandbox: bool | None
    state: dict[str, Any]
    sequence: int
    missing: set[str]
    report: Report
    folder: Path
    loaded: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    tombstones: Counter[str] = field(default_factory=Counter)
    slices: int = 0

    @cached_property
    def pipeline(self) -> dlt.Pipeline:
        """Made for the first package: a run without rows needs none."""
        dataset = dataset_name(self.connection.source)
        return _pipeline(self.connection.instance, dataset, self.warehouse, self.folder)


def run_source(
    instance: str,
    *,
    warehouse: Warehouse,
    pipelines_dir: Path,
    now: datetime,
    person_key_secret: str,
    report: Report | None = None,
    settings: Any = None,
    backfill: tuple[date, date] | None = None,
    erased: Path | None = None,
) -> LoadSummary:
    """Bring one connection up to date.

    Arguments:
        instance: the connection's name.
        warehouse: where raw lies.
        pipelines_dir: scratch of the runs; can be deleted at any time between them.
        now: the run's one clock, aware.
        person_key_secret: for the personal keys.
        report: called with (resource, rows so far, rows expected or None).
        settings: the connection's settings; None reads them from dlt's configuration.
        backfill: first and last day of an event stream to read once more; the state stays as it is.
        erased: the list of erased people; what a vendor still tells of them never reaches a file.

    Raises SourceError, WarehouseError. Whatever was committed before stays; running again goes on from there.
    """
    started = time.perf_counter()
    if now.tzinfo is None:
        raise ValueError("expected an aware `now`, came a naive one; pass it in UTC")
    if not person_key_secret:
        raise ConfigurationInvalid(
            "a secret for the personal keys", "none", "set NORTE_PERSON_KEY_SECRET", source=instance
        )
    chosen = connection(instance)
    settings = settings if settings is not None else settings_of(chosen)
    requests: Counter[int] = Counter()
    clock = now.astimezone(UTC)
    with _only_run(Path(pipelines_dir), instance) as folder, _explained(warehouse, folder):
        is_sandbox = settings.says_sandbox() if hasattr(settings, "says_sandbox") else None
        snapshot, missing = _look(warehouse, chosen, settings, clock, is_sandbox, backfill)
        database = open_database(str(folder / "spill"))
        try:
            known = KnownRows(database, snapshot)
            run = _Run(
                connection=chosen,
                warehouse=warehouse,
                envelope=Envelope(
                    database,
                    chosen.source.resources,
                    instance=instance,
                    now=clock.replace(tzinfo=None),
                    secret=person_key_secret,
                    redactor=_redactor(erased, person_key_secret) if erased is not None else None,
                ),
                now=clock.replace(tzinfo=None),
                is_sandbox=is_sandbox,
                state=snapshot.state,
                sequence=snapshot.sequence,
                missing=missing,
                report=report or (lambda resource, rows, expected: None),
                folder=folder,
            )
            scratch = folder / "scratch"
            scratch.mkdir()
            context = RunContext(
                instance=instance,
                now=clock,
                state=orjson.loads(orjson.dumps(snapshot.state)),
                known=known,
                report=run.report,
                on_request=lambda status: requests.update((status,)),
                scratch=scratch,
                backfill=backfill,
            )
            _load_slices(
                run, chosen.source.slices(settings, context), snapshot, is_backfill=backfill is not None
            )
        finally:
            database.close()
    return LoadSummary(
        instance=instance,
        source=chosen.source.name,
        slices=run.slices,
        rows_loaded=dict(run.loaded),
        rows_rejected=dict(run.rejected),
        tombstones={name: count for name, count in run.tombstones.items() if count},
        api_requests=requests.total(),
        duration_s=time.perf_counter() - started,
        state_after=run.state,
    )


def _redactor(erased: Path, secret: str) -> Redactor | None:
    """Who is to be taken out of what is loaded; None if nobody."""
    redactor = Redactor(read_register(erased, secret), lambda address: person_key(address, secret.encode()))
    return None if redactor.is_idle else redactor


def append_tables(
    dataset: str,
    columns: Mapping[str, Mapping[str, ColumnType]],
    rows: Mapping[str, Sequence[Mapping[str, Any]] | pa.Table],
    *,
    warehouse: Warehouse,
    pipelines_dir: Path,
) -> None:
    """Append rows that the platform itself made; tables that are missing are made, also for no rows.

    Arguments:
        dataset: where the tables lie (`raw_norte`, `enrichment_insight`).
        columns: every table of the dataset with its columns; `_dlt_load_id`, where declared, is filled in.
        rows: by table, dictionaries or Arrow; keys are column names, timestamps naive UTC.

    Raises WarehouseError. The caller may hold the warehouse's lock.
    """
    schema = Schema(dataset)
    for table, types in columns.items():
        described = new_table(
            table,
            write_disposition="append",
            columns=[dlt_column(name, kind) for name, kind in types.items()],
        )
        described["x-normalizer"] = {"seen-data": True}
        schema.update_table(described)

    def package() -> Iterator[Any]:
        load_id = load_package_state()["load_id"]
        for table, types in columns.items():
            given = rows.get(table, ())
            is_arrow = isinstance(given, pa.Table)
            made = given if is_arrow else pa.Table.from_pylist(list(given), schema=arrow_schema(dict(types)))
            if "_dlt_load_id" in types:
                made = _with_load_id(made, load_id)
            yield dlt.mark.with_table_name(made, table)

    with (
        warehouse.loading(f"loading {dataset}", dataset),
        _only_run(Path(pipelines_dir), dataset) as folder,
        _explained(warehouse, folder),
    ):
        pipeline = _pipeline(dataset, dataset, warehouse, folder)
        pipeline.extract(dlt.resource(package, name=dataset, write_disposition="append"), schema=schema)
        pipeline.normalize()
        pipeline.load(workers=warehouse.load_workers)


def compact(session: Session, dataset: str, found: Mapping[str, set[str]] | None = None) -> dict[str, int]:
    """Delete the rows of loads that never completed; returns how many by table.

    Arguments:
        session: on the warehouse, with the dataset's lock held: a load under way holds the lock, so whatever
            is incomplete now was abandoned.
        dataset: `raw_<source>`.
        found: its tables with their columns, where they are known already.
    """
    found = session.columns(dataset) if found is None else found
    tables = sorted(name for name, columns in found.items() if "_dlt_load_id" in columns)
    if not tables:
        return {}
    completed = f"select load_id from {dataset}._dlt_loads where status = 0"
    if "_dlt_loads" not in found:
        completed = "select cast(null as text) where 1 = 0"
    every = " union all ".join(
        f"select '{name}' as name, _dlt_load_id from {dataset}.{name}" for name in tables
    )
    counts = (
        f"select name, count(*) from ({every}) as every_row"
        f" where _dlt_load_id not in ({completed}) group by name"
    )
    removed = {name: count for name, count in session.rows(counts) if count}
    for name in removed:
        session.execute(f"delete from {dataset}.{name} where _dlt_load_id not in ({completed})")
    return removed


def _look(
    warehouse: Warehouse,
    chosen: Connection,
    settings: Any,
    now: datetime,
    is_sandbox: bool | None,
    backfill: tuple[date, date] | None,
) -> tuple[Snapshot, set[str]]:
    """What the completed loads say, and the tables that are missing; leftovers of killed runs are removed."""
    if not warehouse.exists():
        return Snapshot(), set(all_tables(chosen.source))
    dataset = dataset_name(chosen.source)
    who = f"ingestion of {chosen.instance}"
    with warehouse.lock(who, dataset=dataset), warehouse.open(who=who) as session:
        catalogue = session.catalogue("raw_")
        found = catalogue.get(dataset, {})
        _refuse_mixture(session, catalogue, is_sandbox, chosen.instance)
        removed = compact(session, dataset, found)
        if removed:
            logger.info("%s: removed what a stopped run left behind: %s", chosen.instance, removed)
        told = read_state(session, chosen.source, chosen.instance, found)
        known_since = getattr(chosen.source, "known_since", None)
        since = known_since(settings, told.state, now, backfill) if known_since else {}
        snapshot = read_snapshot(session, chosen.source, chosen.instance, told, found, since)
        return snapshot, missing_tables(chosen.source, found)


def _refuse_mixture(session: Session, catalogue: Catalogue, is_sandbox: bool | None, instance: str) -> None:
    """Raise MixedData when the warehouse holds the other kind of data."""
    audited = [
        name for name, tables in sorted(catalogue.items()) if "is_sandbox" in tables.get(AUDIT_TABLE, ())
    ]
    if is_sandbox is None or not audited:
        return
    others = " union all ".join(
        f"select '{schema}' as name from {schema}.{AUDIT_TABLE} where is_sandbox = $other"
        for schema in audited
    )
    for (schema,) in session.rows(
        f"select name from ({others}) as others order by name limit 1", {"other": not is_sandbox}
    ):
        ours, theirs = ("sandbox", "real") if is_sandbox else ("real", "sandbox")
        raise MixedData(
            f"{instance}: expected a warehouse with {ours} data only; {schema} holds {theirs} data. "
            "What to do: use another warehouse (NORTE_HOME or NORTE_WAREHOUSE_PATH) or correct base_url; "
            f"a real vendor behind a local proxy says sources.{instance}.is_sandbox = false"
        )


def _pipeline(name: str, dataset: str, warehouse: Warehouse, folder: Path) -> dlt.Pipeline:
    # dlt reads these when a pipeline starts. Set here, as they must hold wherever the process was started.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    pipeline = dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(folder / "dlt"),
        destination=warehouse.destination(),
        dataset_name=dataset,
    )
    # The state lives in our own table, in the same package as the rows: dlt's need not be kept or restored.
    pipeline.config.restore_from_destination = False
    return pipeline


def _load_slices(run: _Run, slices: Iterator[Slice], snapshot: Snapshot, *, is_backfill: bool) -> None:
    for piece in slices:
        _load_slice(run, piece, is_backfill=is_backfill)
    if run.slices == 0 and (snapshot.state_at != run.now or run.missing):
        # Nothing new, at a later time: the audit says that we looked.
        _load_slice(run, Slice(name="nothing new", batches=(), state=lambda: run.state), is_forced=True)


def _load_slice(run: _Run, piece: Slice, *, is_backfill: bool = False, is_forced: bool = False) -> None:
    """Extract and load one slice; nothing at all if it brings neither rows nor a new state."""
    run.envelope.counts = counts = Counts()
    told = _Told(run, piece, is_backfill)
    first = next(told.rows, None)
    if first is None:
        if not told.has_news and not is_forced and run.sequence > 0:
            return
        if run.sequence > 0 and not run.missing:
            _write_down(run, told)
        else:
            _load_package(run, told, ())
    else:
        _load_package(run, told, chain((first,), told.rows))
    run.state = told.state
    run.missing = set()
    run.sequence += 1
    run.slices += 1
    run.loaded.update(counts.appended)
    run.rejected.update(counts.rejected)
    run.tombstones.update(counts.tombstones)


def _load_package(run: _Run, told: _Told, rows: Iterable[tuple[str, pa.Table]]) -> None:
    """Rows, state and audit as one package of dlt's."""
    source = run.connection.source
    tables = all_tables(source)

    def package() -> Iterator[Any]:
        load_id = load_package_state()["load_id"]
        for table, arrow in rows:
            yield dlt.mark.with_table_name(_with_load_id(arrow, load_id), table)
        for table, found in told.account(load_id).items():
            yield dlt.mark.with_table_name(
                pa.Table.from_pylist(found, schema=arrow_schema(tables[table])), table
            )

    resource = dlt.resource(package, name=PACKAGE, write_disposition="append")
    run.pipeline.extract(DltSource(dlt_schema(source), "norte", [resource]))
    run.pipeline.normalize()
    with run.warehouse.loading(f"loading {run.connection.instance}", dataset_name(source)):
        if run.sequence == 0:
            # Another connection may have been first since we looked.
            with run.warehouse.open() as session:
                _refuse_mixture(session, session.catalogue("raw_"), run.is_sandbox, run.connection.instance)
        if run.missing:
            with run.pipeline.destination_client() as client:
                client.initialize_storage()
                # Also where dlt knows this schema already: somebody may have dropped a table.
                client.update_stored_schema(force=True)
        run.pipeline.load(workers=run.warehouse.load_workers)


def _write_down(run: _Run, told: _Told) -> None:
    """State and audit of a slice without rows, in one transaction and in dlt's list of loads.

    A package takes some fifty times as long for these few rows; most runs of most connections have no others.
    """
    dataset, who = dataset_name(run.connection.source), f"loading {run.connection.instance}"
    load_id = create_load_id()
    with (
        run.warehouse.lock(who, dataset=dataset),
        run.warehouse.open(who=who) as session,
        session.transaction(),
    ):
        for table, rows in told.account(load_id).items():
            session.insert(f"{dataset}.{table}", rows)
        session.execute(
            f"""insert into {dataset}._dlt_loads
                (load_id, schema_name, status, inserted_at, schema_version_hash)
            select $load_id, schema_name, 0, $inserted_at, schema_version_hash
            from {dataset}._dlt_loads where status = 0 order by inserted_at desc limit 1""",
            {"load_id": load_id, "inserted_at": datetime.now(UTC)},
        )


class _Told:
    """A slice as it is read: its rows, then what is written down of it.

    Arguments:
        is_backfill: the state stays as it is.
    """

    def __init__(self, run: _Run, piece: Slice, is_backfill: bool) -> None:
        self._run, self._piece, self._is_backfill = run, piece, is_backfill
        self._counts = run.envelope.counts
        self._looked: set[str] = set()
        self.rows = self._read()

    def _read(self) -> Iterator[tuple[str, pa.Table]]:
        """The slice's raw rows as they come; their load id is filled in later."""
        run, piece = self._run, self._piece
        for batch in piece.batches:
            self._looked.add(batch.resource)
            yield from run.envelope.add(batch, "")
            run.report(batch.resource, self._counts.seen[batch.resource], piece.expected_rows)
        yield from run.envelope.rest("")

    @cached_property
    def state(self) -> dict[str, Any]:
        """The connector's state once the slice is in; known when all rows were read."""
        return self._run.state if self._is_backfill else self._piece.state()

    @property
    def has_news(self) -> bool:
        return self.state != self._run.state

    def account(self, load_id: str) -> dict[str, list[dict[str, Any]]]:
        """Rows of the state and of the audit, by table, when all others were read.

        The audit has one per resource that the slice looked at; all of them when it is the run's only word.
        """
        run, counts = self._run, self._counts
        instance, sequence = run.connection.instance, run.sequence + 1
        state = {
            "_instance": instance,
            "sequence": sequence,
            "state": orjson.dumps(self.state, option=orjson.OPT_SORT_KEYS).decode(),
            "slice": self._piece.name,
            "_extracted_at": run.now,
            "_dlt_load_id": load_id,
        }
        names = [resource.name for resource in run.connection.source.resources]
        looked = self._looked | set(counts.appended) | set(counts.rejected)
        if looked and run.sequence > 0:
            names = [name for name in names if name in looked]
        audit = [
            {
                "_instance": instance,
                "load_audit_id": md5(
                    f"{instance}|{sequence}|{name}".encode(), usedforsecurity=False
                ).hexdigest(),
                "load_id": load_id,
                "resource": name,
                "row_count": counts.appended[name],
                "rejected_count": counts.rejected[name],
                "started_at": run.now,
                "completed_at": run.now,
                "slice": self._piece.name,
                "is_sandbox": run.is_sandbox,
                "_dlt_load_id": load_id,
            }
            for name in names
        ]
        return {STATE_TABLE: [state], AUDIT_TABLE: audit}


def _with_load_id(table: pa.Table, load_id: str) -> pa.Table:
    position = table.schema.get_field_index("_dlt_load_id")
    return table.set_column(
        position, "_dlt_load_id", pa.repeat(pa.scalar(load_id, pa.string()), table.num_rows)
    )


@contextmanager
def _only_run(pipelines_dir: Path, instance: str) -> Iterator[Path]:
    """A fresh folder for this run, which no other run of the connection can be in."""
    pipelines_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(pipelines_dir / f"{instance}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(
                "one run of a connection at a time",
                "another one that is under way",
                "wait for it, or stop it; it goes on from its last loaded slice",
                source=instance,
            ) from None
        folder = pipelines_dir / instance
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


@contextmanager
def _explained(warehouse: Warehouse, folder: Path) -> Iterator[None]:
    """Let our own errors out of dlt's wrappings, and say so when a disk is full."""
    try:
        yield
    except IngestionError:
        raise
    except Exception as error:
        for cause in causes(error):
            if isinstance(cause, IngestionError | KeyboardInterrupt):
                raise cause from None
        if is_disk_full(error) and not _has_space(folder):
            raise disk_full(folder) from error
        if (explained := warehouse.explained(error)) is not None:
            raise explained from error
        raise


def _has_space(folder: Path) -> bool:
    return shutil.disk_usage(folder).free > 1 << 20
