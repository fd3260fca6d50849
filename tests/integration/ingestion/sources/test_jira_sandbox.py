"""Jira's connector and the pipeline against the sandbox: counts are the world's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import ServerFailed


def issues(world: Any, now: Any) -> set[str]:
    """Ids of live issues at `now`."""
    rows = world.state("issues", now)
    return {str(key) for key in rows[~rows["is_deleted"]]["issue_id"]}


def keys_of_issues(world: Any, now: Any) -> dict[str, str]:
    """The key of each live issue."""
    rows = world.state("issues", now)
    rows = rows[~rows["is_deleted"]]
    return {str(row.issue_id): str(row.key) for row in rows.itertuples()}


def ids(world: Any, table: str, column: str, now: Any) -> set[str]:
    """Ids that are visible at `now`."""
    return {str(key) for key in world.visible(table, now)[column]}


def test_a_first_load_has_everything_of_the_world(account: Callable[[str], Any]) -> None:
    jira = account("jira")
    world, now = jira.world, jira.world.meta.as_of
    summary = jira.load(now)
    assert summary.rows_rejected == {}
    assert jira.alive("issues") == issues(world, now)
    assert jira.alive("sprints") == ids(world, "sprints", "sprint_id", now)
    assert jira.alive("versions") == ids(world, "versions", "version_id", now)
    assert jira.alive("boards") == ids(world, "boards", "board_id", now)
    assert len(jira.alive("projects")) == len(world.visible("projects", now))
    points = world.state("issues", now)
    points = points[~points["is_deleted"]]["story_points"].sum()
    assert jira.query("select sum(story_points) from raw_jira.issues where not _is_deleted") == [(points,)]
    assert jira.refusals() == []
    assert set(jira.statuses()) <= {"200", "400"}


def test_a_first_load_in_many_slices_has_every_change_with_the_names_of_that_time(
    account: Callable[[str], Any],
) -> None:
    jira = account("jira")
    world, now = jira.world, jira.world.meta.as_of
    summary = jira.load(now, rows_per_slice=200)
    assert summary.slices > 1
    live = issues(world, now)
    assert jira.alive("issues") == live
    changes = world.changes("issues", now)
    of_status = changes[(changes["field"] == "status_id") & changes["issue_id"].astype(str).isin(live)]
    found = jira.query(
        """select issue_id, from_value, from_label, to_value, to_label from raw_jira.issue_changes
        where field_id = 'status'"""
    )
    wanted = [
        (str(row.issue_id), str(row.from_value), row.from_label, str(row.to_value), row.to_label)
        for row in of_status.itertuples()
    ]
    assert sorted(found) == sorted(wanted)


def test_every_day_loads_only_what_is_new_and_ends_with_the_worlds_issues(
    account: Callable[[str], Any],
) -> None:
    jira = account("jira")
    world, now = jira.world, jira.world.meta.as_of
    first = jira.load(now)
    assert jira.load(now).rows_loaded == {}
    for _ in range(2):
        now += timedelta(days=7)
        later = jira.load(now)
        assert 0 < sum(later.rows_loaded.values()) < sum(first.rows_loaded.values())
        assert jira.alive("issues") == issues(world, now)
        latest = jira.query(
            """select _key, issue_key from raw_jira.issues qualify row_number() over (
                partition by _key order by _source_updated_at desc, _extracted_at desc, _dlt_load_id desc
            ) = 1 and not _is_deleted"""
        )
        assert dict(latest) == keys_of_issues(world, now)
    assert jira.refusals() == []
    assert set(jira.statuses()) <= {"200", "400", "404"}


def test_an_error_and_a_cut_page_in_the_middle_of_a_search_are_retried(account: Callable[[str], Any]) -> None:
    jira = account("jira")
    now = jira.world.meta.as_of
    broken = {"kind": "server_error", "page": 2, "times": 1, "path": "search/jql"}
    cut = {"kind": "malformed_page", "page": 3, "times": 1, "path": "search/jql"}
    jira.server.set_scenario({"faults": {"jira": [broken, cut]}})
    jira.load(now)
    assert jira.statuses()["500"] == 1
    assert jira.alive("issues") == issues(jira.world, now)


def test_a_load_that_broke_off_goes_on_and_ends_with_the_worlds_issues(account: Callable[[str], Any]) -> None:
    jira = account("jira")
    world, now = jira.world, jira.world.meta.as_of
    outage = {"kind": "server_error", "page": 4, "times": 50, "path": "search/jql"}
    jira.server.set_scenario({"faults": {"jira": [outage]}})
    with pytest.raises(ServerFailed, match="search/jql"):
        jira.load(now, rows_per_slice=50, retry_attempts=2, workers=1)
    kept = len(jira.alive("issues"))
    assert 0 < kept < len(issues(world, now))
    jira.server.set_scenario("healthy")
    later = now + timedelta(days=1)
    jira.load(later, rows_per_slice=50)
    assert jira.alive("issues") == issues(world, later)
