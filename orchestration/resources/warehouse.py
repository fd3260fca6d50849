"""The company's warehouse, as the settings name it.

Belongs here: choosing. Does not belong here: anything of one kind of warehouse (`ingestion/warehouses/`).
"""

from __future__ import annotations

from ingestion.warehouse import Warehouse
from ingestion.warehouses import duckdb_warehouse, postgres_warehouse
from orchestration.settings import Settings


def warehouse_of(settings: Settings) -> Warehouse:
    """The working warehouse; nothing is opened."""
    if settings.warehouse == "postgres":
        return postgres_warehouse(
            settings.postgres_url.get_secret_value(),
            password=settings.postgres_password.get_secret_value(),
            published_database=settings.postgres_published_database,
            reader_role=settings.postgres_reader_role,
        )
    return duckdb_warehouse(settings.working_file)
