"""dlt's way into a DuckDB file, with what it does not say of its tables.

Belongs here: what differs from dlt's own destination. Does not belong here: the file and its lock
(`duckdb.py`). Imported by loads only: dlt's side of a destination takes its time to import.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import dlt
from dlt.common.configuration import configspec
from dlt.common.schema import TColumnSchema
from dlt.destinations.impl.duckdb.configuration import DuckDbClientConfiguration
from dlt.destinations.impl.duckdb.duck import DuckDbClient

from ingestion.warehouses.destination import GivenDestination

# No two alike, or hardly: whole objects as the vendor told them, and digests. A dictionary of them is sought
# at length and in vain. zstd takes half the time to write; of objects it leaves less than half the space.
_HARDLY_ALIKE = frozenset({"payload", "_version_id"})


# Files of versions before know no zstd, and refuse it.
_FIRST_WITH_ZSTD = (1, 2)


class _Client(DuckDbClient):
    def _get_column_def_sql(self, column: TColumnSchema, table: Any = None) -> str:
        definition = cast(str, super()._get_column_def_sql(column, table))
        is_pressed = column["name"] in _HARDLY_ALIKE and self._storage_version >= _FIRST_WITH_ZSTD
        return f"{definition} using compression zstd" if is_pressed else definition

    @cached_property
    def _storage_version(self) -> tuple[int, ...]:
        """Of the file, as it was made: `v1.0.0+` in DuckDB's words."""
        found = self.sql_client.execute_sql(
            "select tags['storage_version'] from duckdb_databases() where database_name = current_database()"
        )
        text = str(found[0][0]) if found and found[0][0] else "v0.0"
        return tuple(int(part) for part in text.strip("v+").split(".")[:2])


@configspec(init=False)
class _Configuration(DuckDbClientConfiguration):
    def __str__(self) -> str:
        # For dlt's own account of a load; the usual text is made by SQLAlchemy, imported for it alone.
        return f"duckdb:///{self.credentials.database}"


class DuckDBDestination(GivenDestination, dlt.destinations.duckdb):
    """dlt's destination with our tables."""

    spec = _Configuration

    @property
    def client_class(self) -> type[DuckDbClient]:
        return _Client
