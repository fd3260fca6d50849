"""A company gets the same numbers from Salesforce, Intercom, Amplitude (or PostHog) and Jira Data Center as
from HubSpot, Zendesk, Mixpanel and Jira Cloud; what vendors tell otherwise is listed here, with the reason.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from tests.vendors.published import SIDES, Pair
from tests.vendors.ways import OTHER, TWO_SITES, USUAL, Way, run

pytestmark = [pytest.mark.vendors, pytest.mark.timeout(1800)]

SEED, ACCOUNTS, MONTHS = 7, 30, 12
COMPARED = ("delivery", "impact", "insight", "metric")
# Amplitude's hours are read when they are three hours old.
SETTLED = timedelta(hours=4)

LINK = "links lead to the vendor's own pages"
IN_TOUCH = "Intercom's lists do not tell people who were gone, nor since when a teammate is there"

ON_HOLD = "nothing is on hold: who waits for a third party leaves it open, and it counts as work"
# Of the tables that tell support's times by account, theme and day.
TIMES_ON_HOLD: dict[str, tuple[str | None, str]] = {
    **{f"agent_work_minutes_{part}": (None, ON_HOLD) for part in ("p50", "p85")},
    **{
        f"on_hold_minutes_{part}": (f"case when on_hold_minutes_{part} is not null then 0.0 end", ON_HOLD)
        for part in ("p50", "p85")
    },
}

# For each column: the usual way's value as the other vendors would tell it (None: not at all), and why.
BY_NATURE: dict[str, dict[str, tuple[str | None, str]]] = {
    "metric.dim_accounts": {
        "crm_url": (None, LINK),
        "person_count": (
            "(select count(*) from theirs.metric.dim_people as people"
            " where people.person_kind = 'customer'"
            " and renamed(people.account_id) = dim_accounts.account_id)",
            IN_TOUCH,
        ),
    },
    "metric.dim_people": {
        "has_support": (None, IN_TOUCH),
        "first_seen_at": (None, IN_TOUCH),
        "is_active": (None, IN_TOUCH),
    },
    "metric.fct_deals": {"crm_url": (None, LINK)},
    "metric.fct_tickets": {
        "support_url": (None, LINK),
        "channel": ("case when channel in ('web', 'api') then 'chat' else channel end", "one messenger"),
        "status": (
            "case status when 'new' then 'open' when 'hold' then 'open' when 'closed' then 'solved'"
            " else status end",
            "a conversation is open, snoozed or closed, and never closed for good",
        ),
        "closed_at": ("cast(null as timestamp)", "there is no state after solved"),
        "on_hold_minutes": ("0.0", ON_HOLD),
        "agent_work_minutes": ("agent_work_minutes + on_hold_minutes", "what was on hold counts as open"),
        "assignee_person_key": (
            "case when assignee_person_key in (select person_key from theirs.metric.dim_people"
            " where has_support) then assignee_person_key end",
            "a bot is no teammate: what it handled is nobody's; " + IN_TOUCH,
        ),
    },
    "metric.mart_metric__support_by_account": TIMES_ON_HOLD,
    "metric.mart_metric__support_by_theme": TIMES_ON_HOLD,
    "metric.mart_metric__support_performance": TIMES_ON_HOLD,
    "insight.fct_feedback": {
        "source_url": (None, LINK),
        "object_id": (
            "case when object_id like 'R2%' then ltrim(object_id[3:], '0') else object_id end",
            "a rating has no id of its own and takes its conversation's",
        ),
        "text_redacted": (
            "case when text_redacted like '%[name]%' then coalesce("
            "(select max(theirs.text_redacted) from theirs.insight.fct_feedback as theirs"
            " where theirs.occurred_at = fct_feedback.occurred_at"
            " and regexp_matches(theirs.text_redacted, replace(regexp_escape("
            "fct_feedback.text_redacted), '\\[name\\]', '.+'))), text_redacted) else text_redacted end",
            "a name is known by the lists of people; " + IN_TOUCH,
        ),
    },
}
# Of these the usual way knows rows that the others cannot tell.
ONLY = {
    "metric.dim_people": (
        "length(person_key) = 32 or person_key in (select person_key from theirs.metric.dim_people)",
        IN_TOUCH,
    ),
}


def settled(world: World) -> datetime:
    """The first full hour of the world's present before which no event came in for a while."""
    came_in = world.table("events")["visible_at"]
    moment = world.meta.as_of
    while came_in.between(
        (moment - SETTLED).replace(tzinfo=None), moment.replace(tzinfo=None), inclusive="right"
    ).any():
        moment += timedelta(hours=1)
    assert moment < world.meta.ends_at
    return moment.astimezone(UTC)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each way published of one world at one moment."""
    folder = tmp_path_factory.mktemp("ways")
    generate_world(folder / "world", seed=SEED, accounts=ACCOUNTS, months=MONTHS)
    world = World.load(folder / "world")
    now = settled(world)
    found: dict[str, Path] = {}

    def live(name: str, way: Way, server: SandboxServer) -> None:
        found[name] = run(way, world, now, server, folder / name)

    with SandboxServer(world.path, now, scenario="generous") as server:
        ways = {"usual": USUAL, "other": OTHER, "two_sites": TWO_SITES}
        threads = [threading.Thread(target=live, args=(name, way, server)) for name, way in ways.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(found) == set(ways), "a way did not come to its end: see above"
    return found


@pytest.fixture(scope="module")
def both(published: dict[str, Path]) -> Pair:
    return Pair(
        published["usual"],
        published["other"],
        {"salesforce": "hubspot", "intercom": "zendesk", "amplitude": "mixpanel"},
    )


def test_every_table_is_the_same_from_other_vendors(both: Pair) -> None:
    tables = both.tables(COMPARED)
    assert len(tables) > 35
    assert set(BY_NATURE) | set(ONLY) <= set(tables)
    apart = [difference for table in tables for difference in compared(both, table)]
    assert apart == []


def compared(pair: Pair, table: str) -> Iterator[str]:
    by_nature = {column: value for column, (value, _) in BY_NATURE.get(table, {}).items()}
    only, _ = ONLY.get(table, ("true", ""))
    return pair.differing(table, by_nature, (only, "true"))


@pytest.mark.parametrize("table", sorted(BY_NATURE))
def test_what_is_listed_as_different_is_different(both: Pair, table: str) -> None:
    for column in BY_NATURE[table]:
        others = dict.fromkeys(set(both.columns(table)) - {column})
        assert list(both.differing(table, others)), f"{table}.{column} is told alike: take it off the list"


# What a company of this size, and without the model, has no row for.
ROWLESS = {"insight.mart_insight__identity_review"}
EMPTY = {
    "delivery.dim_deliveries": {"cost_amount"},
    "impact.fct_delivery_impact": {
        *("effect_abs", "effect_rel", "std_error", "ci_low", "ci_high", "p_value", "q_value", "mde_abs"),
        *("counterfactual_value", "overlap_delivery_ids"),
    },
    "impact.mart_impact__decisions": {"effect_pct", "effect_low_pct", "effect_high_pct"},
    "impact.mart_impact__key_result_attribution": {
        *("ci_low", "ci_high", "exposed_ratio_at_begin", "exposed_ratio_at_end"),
    },
    "insight.dim_themes": {"merged_into"},
    "insight.fct_feedback": {"language"},
    "insight.fct_feedback_themes": {"confidence", "model_id"},
    "insight.mart_insight__theme_daily": {"chance_probability", "label", "scoring_change"},
    "insight.mart_insight__theme_quality": {"model_note"},
    "insight.mart_insight__account_health": {"backtest_auc", "backtest_auc_low", "backtest_auc_high"},
}


def test_the_tables_hold_what_they_compare(both: Pair) -> None:
    for table in both.tables(COMPARED):
        if table in ROWLESS:
            continue
        assert both.count("ours", table) > 0, table
        empty = both.empty_columns(table) - EMPTY.get(table, set())
        assert not empty, f"{table}: nothing in {sorted(empty)}, so nothing is compared"


# --- two sites of one vendor, and the third vendor of events

ITEMS = {
    "delivery.fct_releases": "release_id",
    "delivery.fct_sprint_items": "work_item_id",
    "delivery.fct_sprints": "sprint_id",
    "delivery.fct_status_spans": "span_id",
    "delivery.fct_work_items": "work_item_id",
}
# The company's files name issues by key: a key of both sites is the first's.
NAMED_BY_FILES = {"delivery.fct_work_items": {"delivery_id": None}}
SECOND, NOT_SECOND = "{0} like 'jira_emea:%'", "{0} not like 'jira_emea:%'"


@pytest.fixture(scope="module")
def with_two_sites(published: dict[str, Path]) -> Pair:
    return Pair(published["usual"], published["two_sites"], {"posthog": "mixpanel"})


def test_numbers_that_are_not_of_delivery_are_the_same_with_posthog(with_two_sites: Pair) -> None:
    of_items = (
        "metric_id {0} (select metric_id from ours.metric.dim_metrics where source_table in"
        " (select table_name from duckdb_tables() where schema_name = 'delivery'))"
    )
    for table in with_two_sites.tables(("insight", "metric")):
        only = of_items.format("not in") if table == "metric.mart_metric__daily" else "true"
        assert list(with_two_sites.differing(table, only=(only, only))) == []


@pytest.mark.parametrize(("table", "key"), ITEMS.items())
def test_a_second_site_with_the_same_ids_changes_nothing_of_the_first(
    with_two_sites: Pair, table: str, key: str
) -> None:
    assert list(with_two_sites.differing(table, only=("true", NOT_SECOND.format(key)))) == []


@pytest.mark.parametrize(("table", "key"), ITEMS.items())
def test_a_second_site_with_the_same_ids_is_there_as_a_whole(
    published: dict[str, Path], table: str, key: str
) -> None:
    pair = Pair(published["usual"], published["two_sites"], {"jira_emea": "jira"})
    of_files = NAMED_BY_FILES.get(table, {})
    assert list(pair.differing(table, of_files, only=("true", SECOND.format(key)))) == []


def test_teams_have_what_both_sites_have(with_two_sites: Pair) -> None:
    for column in ("throughput_count", "arrival_count", "blocked_hours"):
        ours, theirs = (
            with_two_sites.total(side, "delivery.mart_delivery__flow_weekly", column) for side in SIDES
        )
        assert theirs == pytest.approx(2 * ours) and ours > 0
