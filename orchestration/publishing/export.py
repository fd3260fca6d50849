"""Publishes: from the working warehouse to a release that readers can open at any time.

Belongs here: the release's folder, the copy, what is carried over, the swap, and cleaning up. Does not
belong here: which tables are held back (the gate decides) and the pages' content (`report/`).

    published/
      current -> releases/<id>          a symbolic link, replaced in one step
      releases/<id>/norte.duckdb        the public schemas, with comments; readable by DuckDB 1.4 and newer
                    parquet/<schema>/<table>.parquet
                    pages/*.html
                    publication.json

A release is built under a hidden name, renamed when it is complete, and only then linked. A kill at any
moment leaves the old release in place, and the next publication removes what was left lying about. Readers
that have a file of an older release open keep it: the last three releases stay.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.errors import IngestionError
from ingestion.warehouse import ServedTable, Warehouse
from orchestration.publishing.publication import (
    FILE,
    LeftOut,
    Publication,
    PublicationError,
    PublishedTable,
    TableContract,
    read_contracts,
    read_publication,
)

logger = logging.getLogger(__name__)

KEPT_RELEASES = 3
STORAGE_VERSION = "v1.4.0"
_BUILDING = ".building-"
_DATABASE = "norte.duckdb"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Copied:
    table: PublishedTable
    contract: TableContract


def publish(
    warehouse: Warehouse,
    published_dir: Path,
    *,
    now: datetime,
    held_back: Mapping[str, str],
    manifest: Path,
    languages: Sequence[str] = ("en",),
    on_progress: Progress | None = None,
) -> Publication:
    """Publish the public tables as one atomic state.

    Arguments:
        warehouse: the working warehouse; its lock is held while tables are copied, no longer.
        published_dir: folder of `current` and `releases`; made when missing.
        now: the run's now.
        held_back: `<schema>.<table>` -> reason; these are carried over from the publication before.
        manifest: dbt's manifest.json: the list of public tables and all descriptions.
        languages: of the pages; the first one's are those that lie on top.
        on_progress: called with (what, done, of).

    Raises:
        PublicationError: with the remedy; the publication before stays as it is.
    """
    moment = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    report = on_progress or (lambda what, done, total: None)
    contracts = read_contracts(manifest)
    unknown = set(held_back) - {contract.full_name for contract in contracts}
    if unknown:
        raise PublicationError(
            f"Expected tables to hold back out of the marts in {manifest.name}, got"
            f" {', '.join(sorted(unknown))}. "
            "Name them `<schema>.<table>`."
        )
    releases = published_dir / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    with _only_one_publisher(published_dir):
        _remove_leftovers(published_dir)
        previous = read_publication(published_dir / "current")
        identifier = _next_id(releases, moment)
        building = releases / f"{_BUILDING}{identifier}"
        building.mkdir()
        try:
            publication = _build(
                building, identifier, warehouse, contracts, held_back, previous, moment, languages, report
            )
            _release(publication, warehouse, contracts, published_dir, building)
        except BaseException as error:
            shutil.rmtree(building, ignore_errors=True)
            if isinstance(error, OSError | duckdb.Error | IngestionError):
                raise PublicationError(_explain(error, published_dir)) from error
            raise
        _prune(published_dir)
    return replace(publication, directory=(releases / identifier).resolve())


def republish(
    warehouse: Warehouse,
    published_dir: Path,
    *,
    amend: Callable[[duckdb.DuckDBPyConnection], None],
    manifest: Path,
    languages: Sequence[str] = ("en",),
    on_progress: Progress | None = None,
) -> Publication | None:
    """Publish what readers see now once more with amended values, and remove all earlier releases.

    Arguments:
        warehouse: its own readers, if it has any, see the same.
        amend: changes values of the tables on a connection to a copy; it must not add or remove rows.
        manifest: dbt's, for the descriptions.

    Returns: None where nothing was ever published.

    Raises PublicationError; the publication before stays as it is.
    """
    report = on_progress or (lambda what, done, total: None)
    if not (published_dir / "current").exists():
        return None
    releases = published_dir / "releases"
    with _only_one_publisher(published_dir):
        _remove_leftovers(published_dir)
        previous = read_publication(published_dir / "current")
        if previous is None:
            return None
        described = {contract.full_name: contract for contract in read_contracts(manifest)}
        copied = [
            _Copied(table, described.get(table.full_name) or TableContract(table.schema, table.name))
            for table in previous.tables
        ]
        contracts = [one.contract for one in copied]
        identifier = _next_id(releases, previous.published_at)
        building = releases / f"{_BUILDING}{identifier}"
        building.mkdir()
        try:
            # In a file of its own: values that were changed stay readable in the pages of a file.
            amended = building / "amended.duckdb"
            shutil.copyfile(previous.database, amended)
            with duckdb.connect(str(amended)) as connection:
                connection.execute("set TimeZone = 'UTC'")
                amend(connection)
            _copy_amended(amended, building / _DATABASE, contracts, report)
            amended.unlink()
            publication = _complete(
                building,
                identifier,
                contracts,
                copied,
                list(previous.left_out),
                previous.published_at,
                languages,
                report,
            )
            _release(publication, warehouse, contracts, published_dir, building)
        except BaseException as error:
            shutil.rmtree(building, ignore_errors=True)
            if isinstance(error, OSError | duckdb.Error | IngestionError):
                raise PublicationError(_explain(error, published_dir)) from error
            raise
        for path in sorted(releases.iterdir()):
            if path.name != identifier:
                shutil.rmtree(path, ignore_errors=True)
    return replace(publication, directory=(releases / identifier).resolve())


def _build(
    building: Path,
    identifier: str,
    warehouse: Warehouse,
    contracts: list[TableContract],
    held_back: Mapping[str, str],
    previous: Publication | None,
    now: datetime,
    languages: Sequence[str],
    report: Progress,
) -> Publication:
    file = building / _DATABASE
    copied, left_out = _copy_tables(file, warehouse, contracts, held_back, previous, report)
    return _complete(building, identifier, contracts, copied, left_out, now, languages, report)


def _complete(
    building: Path,
    identifier: str,
    contracts: list[TableContract],
    copied: list[_Copied],
    left_out: list[LeftOut],
    now: datetime,
    languages: Sequence[str],
    report: Progress,
) -> Publication:
    """Everything of a release but its tables: comments, Parquet, pages, its description of itself."""
    file = building / _DATABASE
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for schema in sorted({contract.schema for contract in contracts}):
            connection.execute(f"create schema if not exists {_name(schema)}")
        for number, one in enumerate(copied, start=1):
            report("describe and write Parquet", number, len(copied))
            _comment(connection, one)
            _write_parquet(connection, building / "parquet", one.table)
        data_as_of = _data_as_of(connection, now)
        connection.execute("checkpoint")
    publication = Publication(
        id=identifier,
        published_at=now,
        data_as_of=data_as_of,
        directory=building,
        tables=tuple(one.table for one in copied),
        left_out=tuple(left_out),
    )

    from orchestration.publishing.report import render_pages  # a second of imports, needed here only

    rendered = render_pages(
        file, building / "pages", publication=publication, languages=languages, on_progress=report
    )
    publication = replace(
        publication,
        pages=tuple(rendered.names),
        page_errors=rendered.errors,
    )
    (building / FILE).write_text(publication.to_json(), encoding="utf-8")
    file.chmod(0o444)
    return publication


def _release(
    publication: Publication,
    warehouse: Warehouse,
    contracts: list[TableContract],
    published_dir: Path,
    building: Path,
) -> None:
    """From a complete folder to what readers see."""
    releases = published_dir / "releases"
    _sync_tree(building)
    warehouse.serve(publication.database, _served(publication, contracts), publication.id)
    building.rename(releases / publication.id)
    _sync_directory(releases)
    _link(published_dir, publication.id)


def _copy_tables(
    file: Path,
    warehouse: Warehouse,
    contracts: list[TableContract],
    held_back: Mapping[str, str],
    previous: Publication | None,
    report: Progress,
) -> tuple[list[_Copied], list[LeftOut]]:
    """Copy what is new under the warehouse's lock, then carry over what is held back."""
    copied: dict[str, _Copied] = {}
    to_carry_over: dict[str, tuple[TableContract, str]] = {}
    with warehouse.copying(file, STORAGE_VERSION) as working:
        for number, contract in enumerate(contracts, start=1):
            report("copy", number, len(contracts))
            if contract.full_name in held_back:
                to_carry_over[contract.full_name] = (contract, held_back[contract.full_name])
            elif contract.full_name not in working.present:
                to_carry_over[contract.full_name] = (contract, "the table was not built")
            else:
                rows = working.copy(contract.schema, contract.name)
                copied[contract.full_name] = _Copied(
                    PublishedTable(contract.schema, contract.name, rows), contract
                )
    left_out = []
    for full_name, (contract, reason) in to_carry_over.items():
        before = previous.table(full_name) if previous is not None else None
        if previous is None or before is None:
            left_out.append(
                LeftOut(contract.schema, contract.name, f"{reason}; no earlier publication has it either")
            )
            continue
        rows = _carry_over(file, previous.database, contract)
        since = before.since if before.is_held_back and before.since else previous.data_as_of
        copied[full_name] = _Copied(
            PublishedTable(
                contract.schema, contract.name, rows, is_held_back=True, since=since, reason=reason
            ),
            contract,
        )
    return [copied[name] for name in sorted(copied)], left_out


def _carry_over(file: Path, previous: Path, contract: TableContract) -> int:
    table = f"{_name(contract.schema)}.{_name(contract.name)}"
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"attach {_literal(str(previous))} as previous (read_only)")
        connection.execute(f"create schema if not exists {_name(contract.schema)}")
        connection.execute(f"create table {table} as select * from previous.{table}")
        return _count(connection, table)


def _copy_amended(amended: Path, file: Path, contracts: list[TableContract], report: Progress) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {_literal(str(amended))} as amended (read_only)")
        connection.execute(
            f"attach {_literal(str(file))} as release (storage_version {_literal(STORAGE_VERSION)})"
        )
        for number, contract in enumerate(contracts, start=1):
            report("copy", number, len(contracts))
            table = f"{_name(contract.schema)}.{_name(contract.name)}"
            connection.execute(f"create schema if not exists release.{_name(contract.schema)}")
            connection.execute(f"create table release.{table} as select * from amended.{table}")


def _served(publication: Publication, contracts: list[TableContract]) -> list[ServedTable]:
    """The publication's tables as the warehouse's own readers are to see them."""
    described = {contract.full_name: contract for contract in contracts}
    return [
        ServedTable(
            table.schema,
            table.name,
            _description(table, described[table.full_name]),
            described[table.full_name].columns,
        )
        for table in publication.tables
    ]


def _description(table: PublishedTable, contract: TableContract) -> str:
    if not table.is_held_back:
        return contract.description
    return (
        f"HELD BACK: data as of {table.since:%Y-%m-%d %H:%M} UTC, because {table.reason}. "
        f"{contract.description}"
    )


def _comment(connection: duckdb.DuckDBPyConnection, one: _Copied) -> None:
    table = f"{_name(one.table.schema)}.{_name(one.table.name)}"
    text = _description(one.table, one.contract)
    connection.execute(f"comment on table {table} is {_literal(text)}")
    columns = {row[0] for row in connection.execute(f"describe {table}").fetchall()}
    for column, description in one.contract.columns.items():
        if description and column in columns:
            connection.execute(f"comment on column {table}.{_name(column)} is {_literal(description)}")


def _write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable) -> None:
    target = folder / table.schema / f"{table.name}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy {_name(table.schema)}.{_name(table.name)} to {_literal(str(target))} (format parquet,"
        " compression zstd)"
    )


def _data_as_of(connection: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """Up to when every source has been read, as data health tells it; without it, now.

    The source that is furthest behind decides: a newer date would vouch for numbers that are older.
    """
    try:
        row = connection.execute(
            "select min(last_loaded_at) from governance.mart_governance__data_health where"
            " subject_type = 'source'"
        ).fetchone()
    except duckdb.CatalogException:
        return now
    return min(row[0], now) if row and row[0] is not None else now


@contextmanager
def _only_one_publisher(published_dir: Path) -> Iterator[None]:
    with (published_dir / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PublicationError(
                f"Expected to be the only publication into {published_dir}; another one is under way. "
                "Wait until it ends, then publish again."
            ) from None
        yield


def _remove_leftovers(published_dir: Path) -> None:
    """What a killed publication left: half-built folders, and complete ones that were never linked."""
    current = published_dir / "current"
    linked = current.readlink().name if current.is_symlink() else None
    for path in (published_dir / "releases").iterdir():
        if path.name.startswith(_BUILDING) or (linked is not None and path.name > linked):
            logger.warning("removing %s, left by a publication that did not finish", path.name)
            shutil.rmtree(path)
    for path in published_dir.glob(".current-*"):
        path.unlink()


def _next_id(releases: Path, now: datetime) -> str:
    """Numbered in the order of publication: the clock may stand still or be set back, the number never is."""
    numbers = [int(path.name[:6]) for path in releases.iterdir() if path.name[:6].isdigit()]
    return f"{max(numbers, default=0) + 1:06d}-{now:%Y%m%dT%H%M%SZ}"


def _link(published_dir: Path, identifier: str) -> None:
    fresh = published_dir / f".current-{identifier}"
    fresh.symlink_to(Path("releases") / identifier)
    fresh.replace(published_dir / "current")
    _sync_directory(published_dir)


def _prune(published_dir: Path) -> None:
    linked = (published_dir / "current").readlink().name
    releases = sorted(path for path in (published_dir / "releases").iterdir() if path.name[:6].isdigit())
    for path in releases[:-KEPT_RELEASES]:
        if path.name != linked:
            shutil.rmtree(path, ignore_errors=True)


def _sync_tree(folder: Path) -> None:
    """To disk, before anything points at it."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _sync_directory(path)
        else:
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
    _sync_directory(folder)


def _sync_directory(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explain(error: BaseException, published_dir: Path) -> str:
    text = str(error)
    is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text
    remedy = (
        "The disk is full: free some space, then publish again."
        if is_full
        else "Mend the cause, then publish again."
    )
    return f"Could not publish to {published_dir}: {text.splitlines()[0] if text else error!r}. {remedy} " + (
        "Readers still have the publication before."
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
