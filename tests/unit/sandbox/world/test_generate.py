"""A generated world keeps the rules of the world's README."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ingestion.sandbox.world.check import problems_of
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.schema import CHANGES, TABLES, key_of
from ingestion.sandbox.world.world import World, naive_utc


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        generate_world(tmp_path / name, seed=5, accounts=20, months=2)
    assert _bytes(tmp_path / "first") == _bytes(tmp_path / "second")


def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate_world(tmp_path / str(seed), seed=seed, accounts=12, months=2)
    names = [set(World.load(tmp_path / str(seed)).table("accounts")["name"]) for seed in (1, 2)]
    assert len(names[0] & names[1]) < len(names[0]) / 2


def test_a_company_too_small_to_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 10 accounts"):
        generate_world(tmp_path, accounts=3)


@pytest.mark.parametrize("table", TABLES)
def test_each_file_has_exactly_the_schema(small_world: World, table: str) -> None:
    assert pq.read_schema(small_world.path / "tables" / f"{table}.parquet").equals(TABLES[table])


def test_a_generated_world_keeps_every_rule(small_world: World) -> None:
    assert problems_of(small_world) == []


@pytest.mark.parametrize("entity", CHANGES)
def test_a_change_begins_where_the_one_before_ended(small_world: World, entity: str) -> None:
    key = key_of(entity)
    changes = small_world.changes(entity, small_world.meta.ends_at)
    before = changes.groupby([key, "field"])["to_value"].shift()
    first = ~changes.duplicated([key, "field"])
    later = changes[~first]
    same = (later["from_value"] == before[~first]) | (later["from_value"].isna() & before[~first].isna())
    assert same.all()
    rows = small_world.table(entity).set_index(key)
    for field in set(changes.loc[first, "field"]) & set(rows.columns):
        mine = changes[first & (changes["field"] == field)]
        if pd.api.types.is_string_dtype(rows[field]):
            created = rows[field].reindex(mine[key]).fillna("").tolist()
            assert created == mine["from_value"].fillna("").tolist(), f"{entity}.{field}"


def test_times_are_whole_seconds_within_the_world(small_world: World) -> None:
    ends_at = pd.Timestamp(naive_utc(small_world.meta.ends_at))
    for table in TABLES:
        rows = small_world.table(table)
        assert (rows["visible_at"] <= ends_at).all(), table
        for column in rows.select_dtypes("datetime").columns:
            assert (rows[column].dropna().dt.microsecond == 0).all(), f"{table}.{column}"
    for table in ("events", "tickets", "issues", "survey_responses", "notes"):
        moment = {"events": "occurred_at", "survey_responses": "answered_at"}.get(table, "created_at")
        assert (small_world.table(table)[moment] >= pd.Timestamp(naive_utc(small_world.meta.starts_at))).all()


def test_a_comment_shares_its_second_with_the_change_of_status_it_came_with(small_world: World) -> None:
    changes = small_world.table("ticket_changes")
    pending = changes[(changes["field"] == "status") & (changes["to_value"] == "pending")]
    comments = small_world.table("ticket_comments")
    said = set(zip(comments["ticket_id"], comments["created_at"], strict=True))
    assert len(pending) > 0
    assert all(pair in said for pair in zip(pending["ticket_id"], pending["changed_at"], strict=True))


def test_each_of_the_following_days_brings_something_new_in_every_system(small_world: World) -> None:
    systems = {
        "crm": ("accounts", "people", "deals", "contracts", "notes", "survey_responses", "deal_changes"),
        "support": ("tickets", "ticket_changes", "ticket_comments"),
        "analytics": ("events",),
        "delivery": ("issues", "issue_changes"),
    }
    for day in range(6):
        begin = pd.Timestamp(naive_utc(small_world.meta.as_of)) + timedelta(days=day)
        for system, tables in systems.items():
            rows = sum(
                int(small_world.table(t)["visible_at"].between(begin, begin + timedelta(days=1)).sum())
                for t in tables
            )
            assert rows > 0, f"nothing new in {system} on day {day + 1} after as_of"


def test_the_first_day_brings_deletions_a_merge_and_a_decision(small_world: World) -> None:
    begin = pd.Timestamp(naive_utc(small_world.meta.as_of))

    def fields(entity: str) -> set[str]:
        changes = small_world.table(CHANGES[entity])
        return set(changes.loc[changes["visible_at"].between(begin, begin + timedelta(days=1)), "field"])

    assert "merged_into" in fields("accounts")
    for entity in ("people", "issues", "contracts"):
        assert "deleted" in fields(entity), entity
    decisions = small_world.table("decisions")["visible_at"]
    assert decisions.between(begin, begin + timedelta(days=1)).any()


def test_contracts_belong_to_won_deals_and_end_when_their_term_does(small_world: World) -> None:
    contracts = small_world.table("contracts")
    won = small_world.table("deal_stages").query("is_won")["stage_id"]
    changes = small_world.table("deal_changes")
    changes = changes[(changes["field"] == "stage_id") & changes["to_value"].isin(won.astype("str"))]
    assert set(contracts["deal_id"]) <= set(changes["deal_id"])
    recurring = contracts[contracts["is_recurring"]]
    ends = [
        (pd.Timestamp(start) + pd.DateOffset(months=int(months))).date()
        for start, months in zip(recurring["starts_on"], recurring["term_months"], strict=True)
    ]
    assert ends == recurring["ends_on"].tolist()
    assert contracts.loc[~contracts["is_recurring"], "term_months"].isna().all()


def test_the_traps_of_real_data_are_there(year_world: World) -> None:
    contracts = year_world.table("contracts")
    recurring = contracts[contracts["is_recurring"]].sort_values(["account_id", "plan_id", "starts_on"])
    follows = recurring.groupby(["account_id", "plan_id"])["ends_on"].shift()
    overlaps = [
        a is not None and pd.notna(a) and b < a for a, b in zip(follows, recurring["starts_on"], strict=True)
    ]
    assert sum(overlaps) > 5, "early renewals overlap their predecessors"
    assert {1, 7, 12, 24} <= set(recurring["term_months"])
    assert set(contracts["currency"]) == {"USD", "BRL", "EUR"}

    issues = year_world.table("issue_changes")
    per_issue = issues.groupby("issue_id").size()
    assert (per_issue > 40).any()
    labels = set(issues.loc[issues["field"] == "status_id", "to_label"])
    assert {"Em andamento", "Concluído", "In Review", "Code Review", "Released"} <= labels
    assert {"key", "project_id", "deleted", "is_flagged", "sprint_ids"} <= set(issues["field"])

    sprints = year_world.table("sprints").set_index("sprint_id")
    done = issues[(issues["field"] == "resolution") & (issues["to_value"] == "Done")]["changed_at"]
    near = [
        ((done - closed).abs() < timedelta(minutes=12)).any()
        for closed in sprints["completes_at"]
        if closed < done.max()
    ]
    assert any(near), "issues are finished in the minutes around the close of a sprint"

    events = year_world.table("events")
    assert ((events["visible_at"] - events["occurred_at"]) > timedelta(days=1)).any()
    assert (events["visible_at"] - events["occurred_at"]).max() <= timedelta(days=4)
    assert events["person_id"].isna().any()
    assert events["is_staff"].any()
    assert len(year_world.table("duplicate_events")) > 0

    tickets = year_world.table("tickets")
    assert tickets["truth_theme"].nunique() >= 15
    assert set(tickets["language"]) == {"pt", "en"}
    assert tickets["account_id"].isna().any()
    assert tickets["is_ai_agent"].any()
    assert tickets["text"].str.contains("<script>|onerror", regex=True).any()
    assert year_world.table("accounts")["domain"].isna().any()
    key_results = year_world.table("key_results")
    assert key_results["owner"].isna().any()
    assert set(year_world.table("decisions")["evidence_kind"]) == {
        "customer_evidence",
        "metric",
        "experiment",
        "mandate",
        "opinion",
    }


def test_incidents_bring_bursts_of_tickets(year_world: World) -> None:
    tickets = year_world.table("tickets")
    caused = tickets.dropna(subset=["truth_incident_id"])
    incidents = year_world.table("incidents").set_index("incident_id")
    started = incidents.loc[caused["truth_incident_id"].astype("int64"), "started_at"].to_numpy()
    assert len(caused) > 30
    assert (caused["created_at"].to_numpy() >= started).all()
