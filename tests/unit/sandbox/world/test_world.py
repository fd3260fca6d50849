"""Reading a world: what is visible by a moment, and the state of an entity at a moment."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.sandbox.world.schema import CHANGES, TABLES
from ingestion.sandbox.world.world import World, WorldError


def _day(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour)


def _at(day: int, hour: int = 0) -> datetime:
    return _day(day, hour).replace(tzinfo=UTC)


def _deal(deal_id: int, created: datetime) -> dict[str, Any]:
    return {
        "deal_id": deal_id,
        "account_id": 1,
        "name": "New subscription",
        "deal_type": "new_business",
        "pipeline_id": 1,
        "stage_id": 11,
        "owner_staff_id": 1,
        "amount": 100.0,
        "currency": "USD",
        "expected_close_on": date(2026, 4, 1),
        "created_at": created,
        "visible_at": created,
    }


def _change(change_id: int, field: str, after: str | None, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "change_id": change_id,
        "deal_id": 1,
        "field": field,
        "from_value": None,
        "to_value": after,
        "changed_at": at,
        "changed_by_staff_id": None,
        "visible_at": at,
        **more,
    }


def _write(folder: Path, tables: dict[str, list[dict[str, Any]]], **meta: Any) -> World:
    (folder / "tables").mkdir(parents=True)
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows, schema=TABLES[name]), folder / "tables" / f"{name}.parquet")
    content = {
        "schema_version": 1,
        "seed": 0,
        "as_of": "2026-03-20T00:00:00Z",
        "starts_at": "2026-03-01T00:00:00Z",
        "ends_at": "2026-03-31T00:00:00Z",
        "time_zone": "UTC",
        "reporting_currency": "USD",
        "own_domain": "own.example",
        "person_key_secret": "s",
        **meta,
    }
    (folder / "world.json").write_text(json.dumps(content), encoding="utf-8")
    return World.load(folder)


@pytest.fixture
def deals(tmp_path: Path) -> World:
    return _write(
        tmp_path / "world",
        {
            "deals": [_deal(1, _day(1)), _deal(2, _day(10))],
            "deal_changes": [
                _change(1, "stage_id", "12", _day(2)),
                _change(2, "amount", "150.5", _day(3)),
                _change(3, "expected_close_on", "2026-05-01", _day(3)),
                _change(4, "deleted", "true", _day(4)),
                _change(5, "deleted", "false", _day(5)),
                _change(6, "stage_id", "15", _day(6)),
                _change(7, "closed_at", "2026-03-06T00:00:00Z", _day(6)),
                _change(8, "amount", "170", _day(7), visible_at=_day(9)),
            ],
        },
    )


def test_the_state_has_the_changes_up_to_a_moment_applied(deals: World) -> None:
    row = deals.state("deals", _at(3, 12)).iloc[0]
    assert (row["stage_id"], row["amount"], row["expected_close_on"]) == (12, 150.5, date(2026, 5, 1))
    assert pd.isna(row["closed_at"])
    assert row["updated_at"] == pd.Timestamp(_day(3))


def test_a_restored_entity_is_not_deleted(deals: World) -> None:
    deleted = deals.state("deals", _at(4, 12)).iloc[0]
    assert bool(deleted["is_deleted"]) and deleted["deleted_at"] == pd.Timestamp(_day(4))
    restored = deals.state("deals", _at(5, 12)).iloc[0]
    assert not restored["is_deleted"] and pd.isna(restored["deleted_at"])


def test_a_field_that_exists_only_in_changes_is_a_column_of_the_state(deals: World) -> None:
    row = deals.state("deals", _at(6, 12)).iloc[0]
    assert row["closed_at"] == pd.Timestamp(_day(6))
    assert pd.isna(row["loss_reason"])


def test_a_change_counts_only_once_it_is_visible(deals: World) -> None:
    assert deals.state("deals", _at(8)).iloc[0]["amount"] == 150.5
    assert deals.state("deals", _at(8), now=_at(9)).iloc[0]["amount"] == 170.0


def test_an_entity_that_came_up_later_has_no_state_yet(deals: World) -> None:
    assert deals.state("deals", _at(9), now=_at(20))["deal_id"].tolist() == [1]
    assert deals.state("deals", _at(10), now=_at(20))["deal_id"].tolist() == [1, 2]


def test_a_table_without_a_file_is_empty_with_its_columns(deals: World) -> None:
    assert deals.table("tickets").columns.tolist() == TABLES["tickets"].names
    assert deals.state("tickets", _at(20)).empty


def test_a_folder_that_is_no_world_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="norte sandbox generate"):
        World.load(tmp_path)


def test_a_world_of_another_schema_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="expected schema_version 1, found 99"):
        _write(tmp_path / "world", {}, schema_version=99)


def test_a_table_with_a_column_missing_is_refused_by_name(tmp_path: Path) -> None:
    world = _write(tmp_path / "world", {})
    pq.write_table(pa.table({"team_id": [1]}), world.path / "tables" / "teams.parquet")
    with pytest.raises(WorldError, match="owner_name"):
        world.table("teams")


@pytest.mark.parametrize("table", TABLES)
def test_what_is_visible_stays_visible_and_nothing_comes_early(small_world: World, table: str) -> None:
    as_of = small_world.meta.as_of
    today = small_world.visible(table, as_of)
    tomorrow = small_world.visible(table, as_of + pd.Timedelta(days=1))
    new = tomorrow.loc[tomorrow.index.difference(today.index)]
    assert len(today) <= len(tomorrow) <= len(small_world.table(table))
    assert (new["visible_at"] > pd.Timestamp(as_of.replace(tzinfo=None))).all()


@pytest.mark.parametrize("entity", CHANGES)
def test_the_state_at_the_end_is_the_last_value_of_each_field(small_world: World, entity: str) -> None:
    key = TABLES[entity].names[0]
    end = small_world.meta.ends_at
    state = small_world.state(entity, end).set_index(key)
    changes = small_world.changes(entity, end)
    special = {"deleted": "is_deleted"}
    last = changes.drop_duplicates([key, "field"], keep="last")
    for row in last.head(400).to_dict("records"):
        value = state.loc[row[key], special.get(str(row["field"]), str(row["field"]))]
        if pd.isna(row["to_value"]):
            assert pd.isna(value)
        elif row["field"] in ("deleted", "is_flagged"):
            assert bool(value) == (row["to_value"] == "true")
        elif row["field"] == "closed_at":
            assert pd.Timestamp(value, tz="UTC") == pd.Timestamp(row["to_value"])
        elif isinstance(value, float):
            assert value == float(row["to_value"])
        else:
            assert str(value) == row["to_value"]
