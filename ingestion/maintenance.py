"""Keeping the working warehouse small.

Belongs here: what may be removed without losing anything, and giving the space back. Does not belong here:
loading.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from ingestion.pipeline import compact
from ingestion.warehouse import Warehouse


def compact_warehouse(warehouse: Warehouse) -> tuple[int, int]:
    """Remove the rows of loads that never completed, and rewrite the file: DuckDB never shrinks one.

    A kill at any moment leaves the file as it was, or the new one complete.

    Returns: the file's bytes before and after.
    """
    fresh = warehouse.path.with_name(warehouse.path.name + ".compacting")
    with warehouse.lock("compact"):
        before = warehouse.path.stat().st_size if warehouse.path.exists() else 0
        with warehouse.connect() as connection:
            schemas = connection.execute(
                "select schema_name from information_schema.schemata where (starts_with(schema_name, 'raw_')"
                " or starts_with(schema_name, 'enrichment_')) and catalog_name = current_database()"
            ).fetchall()
            for (schema,) in schemas:
                compact(connection, schema)
            connection.execute("checkpoint")
        _remove(fresh)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"attach '{_quoted(warehouse.path)}' as old (read_only)")
            connection.execute(f"attach '{_quoted(fresh)}' as fresh")
            connection.execute("copy from database old to fresh")
        fresh.replace(warehouse.path)
        return before, warehouse.path.stat().st_size


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
