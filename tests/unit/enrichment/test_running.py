"""An engine's results follow its inputs, keep what was said, and are never left half."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from ingestion.enrichment.engine import Engine, EngineContext, ResultTable
from ingestion.enrichment.running import EngineFailed, TableSummary, make_engine_tables, run_engine
from ingestion.warehouses.duckdb import DuckDBWarehouse

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
RELATION = "intermediate.words"


def engine(run: Any, *, is_whole: bool = True, reads_back: tuple[str, ...] = ()) -> Engine:
    table = ResultTable(
        key=("word_id", "letter"),
        columns={"word_id": "text", "letter": "text", "count": "bigint", "share": "double"},
        description="One row per word and letter.",
        is_whole=is_whole,
    )
    return Engine(
        name="letters",
        owner="team:letters",
        inputs={"words": RELATION},
        results={"letters": table},
        run=run,
        reads_back=reads_back,
    )


def count_letters(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, pd.DataFrame]:
    rows = [
        (row["word_id"], letter, row["word"].count(letter), row["weight"])
        for row in frames["words"].to_pylist()
        for letter in sorted(set(row["word"]))
    ]
    return {"letters": pd.DataFrame(rows, columns=["word_id", "letter", "count", "share"])}


class Place:
    """A warehouse with one relation that an engine reads."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = DuckDBWarehouse(folder / "warehouse.duckdb")
        self.where: dict[str, Any] = {"warehouse": self.warehouse, "pipelines_dir": folder / "dlt"}

    def holds(self, words: dict[str, str]) -> None:
        with self.warehouse.connect() as connection:
            connection.execute("create schema if not exists intermediate")
            connection.execute(
                f"create or replace table {RELATION} (word_id text, word text, weight numeric(28, 6))"
            )
            for word_id, word in words.items():
                connection.execute(f"insert into {RELATION} values (?, ?, 0.5)", [word_id, word])

    def run(self, chosen: Engine, now: datetime = NOW) -> TableSummary:
        return run_engine(chosen, now=now, **self.where)["letters"]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return connection.execute(query).fetchall()

    def alive(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "select word_id, letter, count from (select *, row_number() over (partition by _key order by "
            "_sequence desc) as n from enrichment_letters.letters where _dlt_load_id in (select load_id from "
            "enrichment_letters._dlt_loads where status = 0)) where n = 1 and not _is_deleted order by all"
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.holds({"1": "aba"})
    return made


def test_the_tables_are_there_before_the_engine_has_run(place: Place) -> None:
    make_engine_tables(engine(count_letters), **place.where)
    assert place.alive() == []


def test_only_what_differs_is_appended_and_what_is_gone_is_marked(place: Place) -> None:
    chosen = engine(count_letters)
    assert place.run(chosen) == TableSummary(rows=2, appended=2, deleted=0)
    assert place.run(chosen, NOW + timedelta(days=1)) == TableSummary(rows=2, appended=0, deleted=0)
    place.holds({"1": "abc", "2": "z"})
    assert place.run(chosen, NOW + timedelta(days=2)) == TableSummary(rows=4, appended=3, deleted=0)
    place.holds({"2": "z"})
    assert place.run(chosen, NOW + timedelta(days=3)) == TableSummary(rows=1, appended=0, deleted=3)
    assert place.alive() == [("2", "z", 1)]
    place.holds({"1": "aba", "2": "z"})
    place.run(chosen, NOW + timedelta(days=4))
    assert place.alive() == [("1", "a", 2), ("1", "b", 1), ("2", "z", 1)]


def test_two_runs_at_one_moment_are_told_apart(place: Place) -> None:
    chosen = engine(count_letters)
    place.run(chosen)
    place.holds({"1": "ab"})
    place.run(chosen)
    assert place.alive() == [("1", "a", 1), ("1", "b", 1)]


def test_an_engine_that_tells_what_is_new_keeps_the_rest_and_can_read_it(place: Place) -> None:
    seen: list[list[str]] = []

    def run(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, pd.DataFrame]:
        earlier = context.earlier["letters"]
        seen.append(sorted(set(earlier.column("word_id").to_pylist())))
        found = count_letters(frames, context)["letters"]
        return {"letters": found[~found["word_id"].isin(seen[-1])]}

    chosen = engine(run, is_whole=False, reads_back=("letters",))
    place.run(chosen)
    place.holds({"2": "z"})
    place.run(chosen, NOW + timedelta(days=1))
    assert seen == [[], ["1"]]
    assert place.alive() == [("1", "a", 2), ("1", "b", 1), ("2", "z", 1)]


def test_decimals_come_in_as_doubles(place: Place) -> None:
    place.run(engine(count_letters))
    assert place.rows("select distinct share from enrichment_letters.letters") == [(0.5,)]


def broken(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    raise ZeroDivisionError


def doubled(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    found = count_letters(frames, context)["letters"]
    return {"letters": pd.concat([found, found])}


def unnamed(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    return {"letters": count_letters(frames, context)["letters"].assign(letter=None)}


def renamed(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    return {"letters": count_letters(frames, context)["letters"].rename(columns={"count": "counts"})}


def mistyped(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    return {"letters": count_letters(frames, context)["letters"].assign(count=0.5)}


def another(frames: Mapping[str, pa.Table], context: EngineContext) -> dict[str, Any]:
    return {"digits": count_letters(frames, context)["letters"]}


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (broken, "came ZeroDivisionError"),
        (doubled, "came several"),
        (unnamed, "came rows without"),
        (renamed, "counts"),
        (mistyped, "does not fit"),
        (another, "digits"),
    ],
)
def test_one_that_fails_leaves_what_it_said_before(place: Place, run: Any, words: str) -> None:
    place.run(engine(count_letters))
    before = place.alive()
    place.holds({"1": "xyz"})
    with pytest.raises(EngineFailed, match=words):
        place.run(engine(run), NOW + timedelta(days=1))
    assert place.alive() == before


def test_an_input_that_is_not_built_is_named(place: Place) -> None:
    place.rows(f"drop table {RELATION}")
    with pytest.raises(EngineFailed, match=RELATION):
        place.run(engine(count_letters))


def test_rows_of_a_load_that_never_completed_count_for_nothing(place: Place) -> None:
    chosen = engine(count_letters)
    place.run(chosen)
    with place.warehouse.connect() as connection:
        connection.execute(
            "insert into enrichment_letters.letters (_key, _version_id, _sequence, _is_deleted, word_id, "
            "letter, count, _dlt_load_id) values ('1:a', 'half', 2, false, '1', 'a', 99, 'killed')"
        )
    assert place.run(chosen, NOW + timedelta(days=1)) == TableSummary(rows=2, appended=0, deleted=0)
    assert place.rows("select count(*) from enrichment_letters.letters where count = 99") == [(0,)]
