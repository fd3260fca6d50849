"""The raw tables of a source as dlt sees them.

Belongs here: names and types of the raw columns. Does not belong here: how rows get their values
(`envelope.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema
from dlt.common.schema.utils import new_table

from ingestion.source import ColumnType, Resource, Source

AUDIT_TABLE = "load_audit"
STATE_TABLE = "connection_state"
# The one dlt resource that a slice is: it yields the rows of all tables.
PACKAGE = "slice"

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}

_AUDIT_COLUMNS: dict[str, ColumnType] = {
    "_instance": "text",
    "load_audit_id": "text",
    "load_id": "text",
    "resource": "text",
    "row_count": "bigint",
    "rejected_count": "bigint",
    "started_at": "timestamp",
    "completed_at": "timestamp",
    "slice": "text",
    "is_sandbox": "boolean",
    "_dlt_load_id": "text",
}
_STATE_COLUMNS: dict[str, ColumnType] = {
    "_instance": "text",
    "sequence": "bigint",
    "state": "text",
    "slice": "text",
    "_extracted_at": "timestamp",
    "_dlt_load_id": "text",
}
_REJECTED_COLUMNS: dict[str, ColumnType] = {
    "_instance": "text",
    "_key": "text",
    "reason": "text",
    "payload": "text",
    "_extracted_at": "timestamp",
    "_dlt_load_id": "text",
}


def dataset_name(source: Source) -> str:
    """One dataset per vendor, shared by its instances."""
    return f"raw_{source.name}"


def rejected_table(resource: str) -> str:
    """Where the rows of `resource` go that cannot be read."""
    return f"{resource}_rejected"


def raw_columns(resource: Resource) -> dict[str, ColumnType]:
    """All columns of a resource's table in their order: envelope, typed columns, payload, load id."""
    columns: dict[str, ColumnType] = {
        "_instance": "text",
        "_key": "text",
        "_version_id": "text",
        "_source_updated_at": "timestamp",
        "_extracted_at": "timestamp",
        "_is_deleted": "boolean",
    }
    if resource.parent:
        columns["_parent_version_id"] = "text"
    for name, kind in resource.columns.items():
        columns[name] = kind
        if name in resource.keyed:
            columns[f"{name}_key"] = "text"
    columns["payload"] = "text"
    columns["_dlt_load_id"] = "text"
    return columns


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None
) -> pa.Table:
    """All rows of a query as an Arrow table."""
    table: pa.Table = connection.sql(query, params=parameters).to_arrow_table()
    return table


def all_tables(source: Source) -> dict[str, dict[str, ColumnType]]:
    """Every table of the source's dataset with its columns."""
    tables = {AUDIT_TABLE: dict(_AUDIT_COLUMNS), STATE_TABLE: dict(_STATE_COLUMNS)}
    for resource in source.resources:
        tables[resource.name] = raw_columns(resource)
        tables[rejected_table(resource.name)] = dict(_REJECTED_COLUMNS)
    return tables


def missing_tables(source: Source, found: Mapping[str, set[str]]) -> set[str]:
    """Tables that the dataset lacks, or that lack a column; the next load makes them."""
    return {
        name for name, columns in all_tables(source).items() if not columns.keys() <= found.get(name, set())
    }


def arrow_schema(columns: dict[str, ColumnType]) -> pa.Schema:
    """The same as an Arrow schema."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])


def dlt_schema(source: Source) -> Schema:
    """The dataset's whole schema, the same on every run.

    All tables count as seen, whatever a package holds, so that the schema's hash does not depend on it: dlt
    keeps a copy of every schema that it has not met. Timestamps are declared naive, which dlt would otherwise
    make zoned.
    """
    schema = Schema(source.name)
    descriptions = {resource.name: resource.description for resource in source.resources}
    for name, columns in all_tables(source).items():
        table = new_table(
            name,
            write_disposition="append",
            columns=[dlt_column(column, kind) for column, kind in columns.items()],
            resource=PACKAGE,
        )
        if descriptions.get(name):
            table["description"] = descriptions[name]
        table["x-normalizer"] = {"seen-data": True}
        schema.update_table(table)
    return schema


def dlt_column(name: str, kind: ColumnType) -> TColumnSchema:
    """The same as dlt writes columns."""
    column: TColumnSchema = {
        "name": name,
        "data_type": "bool" if kind == "boolean" else kind,
        "nullable": True,
    }
    if kind == "timestamp":
        column["timezone"] = False
        column["precision"] = 6
    return column
