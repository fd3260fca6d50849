"""A publication: what it holds, what it carries over, and what survives a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.publishing.export import PublicationError, publish
from orchestration.publishing.publication import Publication, read_publication
from tests.unit.publishing.company import NOW, write_manifest, write_warehouse

TABLES = {
    "metric.fct_deals": pd.DataFrame(
        {"deal_id": ["hubspot:1", "hubspot:2"], "reporting_amount": [10.5, 20.0]}
    ),
    "metric.dim_teams": pd.DataFrame({"team_id": ["jira"], "is_active": [True]}),
    "delivery.fct_releases": pd.DataFrame({"release_id": ["jira:1"], "released_on": [NOW.date()]}),
}


@dataclass
class Company:
    folder: Path

    @property
    def published(self) -> Path:
        return self.folder / "published"

    @property
    def current(self) -> Path:
        return self.published / "current"

    def publish(self, **changes: Any) -> Publication:
        arguments: dict[str, Any] = {
            "now": NOW,
            "held_back": {},
            "manifest": self.folder / "manifest.json",
            **changes,
        }
        return publish(DuckDBWarehouse(self.folder / "work.duckdb"), self.published, **arguments)

    def change(self, statement: str) -> None:
        with duckdb.connect(str(self.folder / "work.duckdb")) as connection:
            connection.execute(statement)

    def read(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.current / "norte.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def company(tmp_path: Path) -> Company:
    write_warehouse(tmp_path / "work.duckdb", TABLES)
    write_manifest(tmp_path / "manifest.json", TABLES)
    with duckdb.connect(str(tmp_path / "work.duckdb")) as connection:
        connection.execute("create schema staging")
        connection.execute("create table staging.stg_secret as select 'ana@customer.example' as email")
    return Company(tmp_path)


def test_a_publication_holds_the_public_tables_and_nothing_else(company: Company) -> None:
    publication = company.publish()
    assert {table.full_name: table.rows for table in publication.tables} == {
        "metric.fct_deals": 2,
        "metric.dim_teams": 1,
        "delivery.fct_releases": 1,
    }
    schemas = company.read("select distinct table_schema from information_schema.tables order by 1")
    assert schemas == [("delivery",), ("metric",)]
    parquet = sorted(
        str(path.relative_to(company.current / "parquet")) for path in company.current.rglob("*.parquet")
    )
    assert parquet == [
        "delivery/fct_releases.parquet",
        "metric/dim_teams.parquet",
        "metric/fct_deals.parquet",
    ]
    amount = duckdb.sql(f"select * from '{company.current}/parquet/metric/fct_deals.parquet'").types[1]
    assert str(amount) == "DECIMAL(28,6)"
    told = json.loads((company.current / "publication.json").read_text())
    assert told["published_at"] == "2026-10-05T06:00:00Z"
    assert {table["name"] for table in told["tables"]} == {"fct_deals", "dim_teams", "fct_releases"}
    assert set(told["pages"]) == {path.name for path in (company.current / "pages").iterdir()}


def test_tables_and_columns_carry_their_descriptions(company: Company) -> None:
    company.publish()
    table = company.read("select comment from duckdb_tables() where table_name = 'fct_deals'")
    assert table == [("One row per key of fct_deals. It's a test's table.",)]
    column = company.read("select comment from duckdb_columns() where column_name = 'deal_id'")
    assert column == [("The deal_id of fct_deals.",)]


def test_the_file_is_in_the_older_storage_format(company: Company) -> None:
    company.publish()
    tags = company.read("select tags from duckdb_databases() where database_name = 'norte'")[0][0]
    # 1.4.0 and newer read it: the storage version is that of the oldest reader.
    assert "v1.4" in str(tags.get("storage_version")), tags


def test_a_held_back_table_is_carried_over_with_its_age_and_the_reason(company: Company) -> None:
    first = company.publish()
    company.change("insert into metric.fct_deals values ('hubspot:3', 99)")
    company.change("insert into metric.dim_teams values ('support', false)")
    for day in (1, 2):
        second = company.publish(
            now=NOW + timedelta(days=day), held_back={"metric.fct_deals": "the check deals_match failed"}
        )
        deals = second.table("metric.fct_deals")
        assert deals is not None and deals.is_held_back and deals.rows == 2
        assert deals.since == first.data_as_of
        assert deals.reason == "the check deals_match failed"
        assert company.read("select count(*) from metric.fct_deals") == [(2,)]
        assert company.read("select count(*) from metric.dim_teams") == [(2,)]
        comment = company.read("select comment from duckdb_tables() where table_name = 'fct_deals'")[0][0]
        assert comment.startswith("HELD BACK: data as of 2026-10-05 06:00 UTC, because the check deals_match")
    third = company.publish(now=NOW + timedelta(days=3))
    assert not third.held_back()
    assert company.read("select count(*) from metric.fct_deals") == [(3,)]


def test_a_table_that_was_never_published_is_left_out_with_a_reason(company: Company) -> None:
    company.change("drop table delivery.fct_releases")
    publication = company.publish(held_back={"metric.fct_deals": "a check failed"})
    assert {left.full_name: left.reason for left in publication.left_out} == {
        "delivery.fct_releases": "the table was not built; no earlier publication has it either",
        "metric.fct_deals": "a check failed; no earlier publication has it either",
    }
    assert [table.full_name for table in publication.tables] == ["metric.dim_teams"]
    told = read_publication(company.current)
    assert told is not None and told.left_out == publication.left_out


def test_a_table_that_is_not_built_any_more_is_carried_over(company: Company) -> None:
    company.publish()
    company.change("drop table metric.fct_deals")
    deals = company.publish().table("metric.fct_deals")
    assert deals is not None and deals.is_held_back and deals.reason == "the table was not built"


def test_three_releases_are_kept_and_ids_sort_even_when_the_clock_goes_back(company: Company) -> None:
    ids = [company.publish(now=NOW - timedelta(days=n)).id for n in range(5)]
    assert ids == sorted(ids)
    assert sorted(path.name for path in (company.published / "releases").iterdir()) == ids[-3:]
    assert company.current.readlink() == Path("releases") / ids[-1]


def test_what_a_kill_left_is_cleaned_and_numbers_go_on(company: Company) -> None:
    first = company.publish()
    releases = company.published / "releases"
    (releases / ".building-000002-x").mkdir()
    (releases / "000002-20261006T060000Z").mkdir()
    (company.published / ".current-000002-x").symlink_to("nowhere")
    second = company.publish()
    assert sorted(path.name for path in releases.iterdir()) == [first.id, second.id]
    assert not list(company.published.glob(".current-*"))
    assert second.id.startswith("000002-")


def test_a_failure_leaves_the_old_release_and_no_leftovers(company: Company) -> None:
    first = company.publish()
    company.change("create or replace view metric.dim_teams_view as select 1 as one")
    company.change("drop table metric.dim_teams")
    company.change("create view metric.dim_teams as select error('this table is broken') as team_id")
    with pytest.raises(PublicationError, match=r"this table is broken.*still have the publication before"):
        company.publish()
    assert [path.name for path in (company.published / "releases").iterdir()] == [first.id]
    assert company.read("select count(*) from metric.fct_deals") == [(2,)]


def test_two_publications_at_once_are_refused(company: Company) -> None:
    company.publish()
    script = (
        "import fcntl, sys, time; handle = open(sys.argv[1], 'w'); fcntl.flock(handle, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(company.published / ".lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None and other.stdout.readline().strip() == "held"
        with pytest.raises(PublicationError, match="another one is under way"):
            company.publish()
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    company.publish()


def test_an_unknown_table_to_hold_back_is_refused(company: Company) -> None:
    with pytest.raises(PublicationError, match="fct_nothing"):
        company.publish(held_back={"metric.fct_nothing": "x"})
