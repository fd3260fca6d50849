"""The governance files that go with a world are what the governance source reads."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from ingestion.sandbox.world.company import Systems, write_company
from ingestion.sandbox.world.world import World
from ingestion.sources.governance.files import read_company
from ingestion.sources.governance.reading import Problems
from ingestion.sources.governance.references import check_company


@pytest.mark.parametrize("days", [-60, 0, 1, 29])
def test_the_files_are_valid_at_any_moment(small_world: World, tmp_path: Path, days: int) -> None:
    write_company(small_world, small_world.meta.as_of + timedelta(days=days), tmp_path / "company")
    problems = Problems()
    check_company(read_company(tmp_path / "company", problems), problems)
    assert problems.found == []


def test_an_entry_appears_when_it_becomes_visible(small_world: World, tmp_path: Path) -> None:
    def decisions(days: int) -> set[str]:
        write_company(small_world, small_world.meta.as_of + timedelta(days=days), tmp_path / "company")
        content = yaml.safe_load((tmp_path / "company" / "decisions.yml").read_text(encoding="utf-8"))
        return {entry["id"] for entry in content["decisions"]}

    assert "price-review" not in decisions(0)
    assert decisions(1) - decisions(0) == {"price-review"}


def test_tests_are_named_for_exclusion_and_unmatched_organisations_for_identity(
    small_world: World, tmp_path: Path
) -> None:
    write_company(small_world, small_world.meta.as_of, tmp_path / "company")
    with (tmp_path / "company" / "accounts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    accounts = small_world.visible("accounts", small_world.meta.as_of)
    tests = set(accounts.loc[accounts["is_test"], "account_id"].astype("str"))
    assert {row["external_id"] for row in rows if row["excluded"]} == tests
    unmatched = accounts[(accounts["account_id"] % 10 == 0) & accounts["domain"].isna()]["account_id"]
    named = {row["account_id"] for row in rows if row["source"] == "zendesk"}
    assert named == {f"hubspot:{account_id}" for account_id in unmatched}


def test_a_new_year_has_new_rates(small_world: World) -> None:
    content = yaml.safe_load((small_world.path / "company" / "calendars.yml").read_text(encoding="utf-8"))
    rates = {entry["year"]: entry["rates"] for entry in content["fiscal_years"]}
    assert rates[2026] != rates[2025]
    first = small_world.table("contracts")["starts_on"].min()
    assert min(rates) <= first.year


def test_a_delivery_without_an_epic_names_its_issues_by_their_present_keys(
    small_world: World, tmp_path: Path
) -> None:
    write_company(small_world, small_world.meta.as_of, tmp_path / "company")
    content = yaml.safe_load((tmp_path / "company" / "deliveries.yml").read_text(encoding="utf-8"))
    digest = next(entry for entry in content["deliveries"] if entry["id"] == "weekly-digest")
    state = small_world.state("issues", small_world.meta.as_of)
    assert "epic" not in digest
    assert set(digest["issues"]) <= set(state["key"])


def test_the_files_name_the_systems_that_the_company_has(small_world: World, tmp_path: Path) -> None:
    systems = Systems(
        crm="salesforce",
        support="intercom",
        account_ref="salesforce:A{}".format,
        organisation_id="o{}".format,
    )
    write_company(small_world, small_world.meta.as_of, tmp_path / "company", systems)

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "company" / name).open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    accounts = rows("accounts.csv")
    assert {row["source"] for row in accounts} <= {"salesforce", "intercom"}
    for row in accounts:
        if row["source"] == "intercom":
            assert row["external_id"].removeprefix("o") == row["account_id"].removeprefix("salesforce:A")
    assert {row["source"] for row in rows("teams.csv")} == {"salesforce", "intercom", "jira"}
