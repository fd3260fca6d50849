"""The kinds of warehouse, each in a module of its own.

Belongs here: finding the one that the settings name. Does not belong here: anything of one kind.
"""

from __future__ import annotations

from pathlib import Path

from ingestion.warehouse import Warehouse


def duckdb_warehouse(path: Path) -> Warehouse:
    """A DuckDB file."""
    from ingestion.warehouses.duckdb import DuckDBWarehouse

    return DuckDBWarehouse(path)


def postgres_warehouse(
    address: str, *, password: str = "", published_database: str = "", reader_role: str = ""
) -> Warehouse:
    """A PostgreSQL database; see `ingestion.warehouses.postgres.PostgresWarehouse`."""
    from ingestion.warehouses.postgres import PostgresWarehouse  # its driver is not needed elsewhere

    return PostgresWarehouse(
        address, password=password, published_database=published_database, reader_role=reader_role
    )
