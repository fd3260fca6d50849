"""A world that breaks a rule is told which, where, and by what."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.sandbox.world.check import problems_of
from ingestion.sandbox.world.schema import TABLES
from ingestion.sandbox.world.world import World


@pytest.fixture
def broken(
    small_world: World, tmp_path: Path
) -> Callable[[str, Callable[[pd.DataFrame], pd.DataFrame]], World]:
    """A copy of the world with one table rewritten."""
    shutil.copytree(small_world.path, tmp_path / "world")

    def rewrite(table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> World:
        frame = change(small_world.table(table).copy())
        schema = pa.schema([field.with_nullable(True) for field in TABLES[table]])
        file = tmp_path / "world" / "tables" / f"{table}.parquet"
        pq.write_table(pa.Table.from_pandas(frame, schema=schema, preserve_index=False), file)
        return World.load(tmp_path / "world")

    return rewrite


def test_a_reference_to_nothing_is_named(broken: Callable[..., World]) -> None:
    world = broken("deals", lambda rows: rows.assign(account_id=999_999))
    assert any(p.startswith("deals.account_id: expected rows of accounts") for p in problems_of(world))


def test_an_id_that_comes_twice_is_named(broken: Callable[..., World]) -> None:
    world = broken("plans", lambda rows: pd.concat([rows, rows.head(1)]))
    assert "plans: expected each plan_id once, 1 comes again" in problems_of(world)


def test_two_changes_of_a_field_in_one_moment_are_named(broken: Callable[..., World]) -> None:
    def doubled(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows, rows.head(1).assign(change_id=10_000_000)])

    world = broken("issue_changes", doubled)
    assert any("expected one change of a field per moment" in p for p in problems_of(world))


def test_a_change_before_its_entity_is_named(broken: Callable[..., World]) -> None:
    early = pd.Timestamp("2001-01-01")
    world = broken("account_changes", lambda rows: rows.assign(changed_at=early, visible_at=early))
    assert any("expected no change before its entity came up" in p for p in problems_of(world))


def test_rows_after_the_end_are_counted(broken: Callable[..., World]) -> None:
    world = broken("teams", lambda rows: rows.assign(visible_at=pd.Timestamp("2100-01-01")))
    assert (
        f"teams: expected nothing visible after ends_at, {len(world.table('teams'))} rows are"
        in problems_of(world)
    )
