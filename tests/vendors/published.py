"""Comparing two published files whose companies are the same but for their vendors.

Belongs here: ids of one vendor as the other's, differences of tables. Does not belong here: which differences
are right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import duckdb

SIDES = ("ours", "theirs")

# An id that is made of others' (32 hexadecimal digits) is as different as those are.
_DIGEST = "regexp_full_match({0}, '[0-9a-f]{{32}}')"


class Pair:
    """Two published files, the second read with the vendors' names and ids of the first.

    Arguments:
        ours, theirs: the files.
        renamed: of the second's connections to the first's.
    """

    def __init__(self, ours: Path, theirs: Path, renamed: Mapping[str, str]) -> None:
        self._connection = duckdb.connect()
        self._connection.execute(f"attach '{ours}' as ours (read_only)")
        self._connection.execute(f"attach '{theirs}' as theirs (read_only)")
        # Salesforce's ids: the object's prefix, the org, nine digits, the check.
        expression = "regexp_replace(value, '\\b[0-9A-Za-z]{3}RO00*([1-9][0-9]*)[A-Z0-9]{3}\\b', '\\1', 'g')"
        for theirs_name, ours_name in renamed.items():
            expression = f"regexp_replace({expression}, '\\b{theirs_name}\\b', '{ours_name}', 'g')"
        self._connection.execute(f"create macro renamed(value) as {expression}")
        self._connection.execute(
            "create table stages as select distinct theirs.stage_id as theirs_id, ours.stage_id as ours_id "
            "from ours.metric.fct_deal_stages as ours join theirs.metric.fct_deal_stages as theirs "
            "on ours.pipeline_id = renamed(theirs.pipeline_id) and ours.stage_name = theirs.stage_name"
        )

    def tables(self, schemas: Collection[str]) -> list[str]:
        """The tables of both files in these schemas; they must be the same."""
        found = [
            [
                f"{schema}.{table}"
                for schema, table in self._connection.execute(
                    "select schema_name, table_name from duckdb_tables() "
                    "where database_name = ? and list_contains(?, schema_name) order by all",
                    [side, list(schemas)],
                ).fetchall()
            ]
            for side in SIDES
        ]
        assert found[0] == found[1]
        return found[0]

    def columns(self, table: str) -> dict[str, str]:
        """Names and types of the table's columns."""
        described = self._connection.execute(f"describe ours.{table}").fetchall()
        return {name: kind for name, kind, *_ in described}

    def count(self, side: str, table: str) -> int:
        """Rows of the table on a side."""
        row = self._connection.execute(f"select count(*) from {side}.{table}").fetchone()
        assert row is not None
        return int(row[0])

    def total(self, side: str, table: str, column: str) -> float:
        """The sum of a column on a side."""
        row = self._connection.execute(f"select sum({column}) from {side}.{table}").fetchone()
        assert row is not None
        return float(row[0])

    def empty_columns(self, table: str) -> set[str]:
        """Columns of the first file that hold nothing at all."""
        names = list(self.columns(table))
        counts = ", ".join(f'count("{name}")' for name in names)
        row = self._connection.execute(f"select {counts} from ours.{table}").fetchone()
        assert row is not None
        return {name for name, count in zip(names, row, strict=True) if not count}

    def differing(
        self,
        table: str,
        told_otherwise: Mapping[str, str | None] | None = None,
        only: tuple[str, str] = ("true", "true"),
    ) -> Iterator[str]:
        """What differs: columns by themselves, else rows as a whole.

        Arguments:
            told_otherwise: for columns that the second side cannot tell as the first does, the first's value
                as the second would tell it (SQL); None leaves the column out.
            only: which rows of the first and of the second are compared (SQL).
        """
        told_otherwise = told_otherwise or {}
        columns = self.columns(table)
        told = [name for name in columns if told_otherwise.get(name, name) is not None]
        apart = [name for name in told if self._difference(table, [name], told_otherwise, only)]
        for name in apart:
            (ours, theirs) = self._difference(table, [name], told_otherwise, only)[0]
            yield f"{table}.{name}: {ours} here, {theirs} there"
        if not apart and self._difference(table, told, told_otherwise, only):
            yield f"{table}: the same values in other rows"

    def _difference(
        self,
        table: str,
        names: list[str],
        told_otherwise: Mapping[str, str | None],
        only: tuple[str, str],
    ) -> list[tuple[str, str]]:
        """One row of each side that the other lacks; empty when there is none."""
        columns = self.columns(table)
        ours, theirs = (
            f"select {', '.join(self._value(side, name, columns[name], told_otherwise) for name in names)} "
            f"from {side}.{table} where {condition}"
            for side, condition in zip(SIDES, only, strict=True)
        )
        left = self._connection.execute(f"{ours} except all {theirs} order by all limit 1").fetchall()
        right = self._connection.execute(f"{theirs} except all {ours} order by all limit 1").fetchall()
        return [(str(left[:1]), str(right[:1]))] if left or right else []

    def _value(self, side: str, name: str, kind: str, told_otherwise: Mapping[str, str | None]) -> str:
        column = f'"{name}"'
        value = (told_otherwise.get(name) or column) if side == "ours" else column
        if kind == "DOUBLE":
            # Sums of the same numbers in another order differ in their last digits.
            return f"round({value}, 9) as {column}"
        if kind == "VARCHAR":
            if side == "theirs":
                value = f"renamed({value})"
                if name == "stage_id":
                    value = f"coalesce((select max(ours_id) from stages where theirs_id = {column}), {value})"
            return f"case when not {_DIGEST.format(value)} then {value} end as {column}"
        return f"{value} as {column}"
