"""The whole job on a small company: every published table is the truth, day after day, whatever is killed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from expectations.check import CheckOutcome
from expectations.runner import run_suites
from ingestion.enrichment.impact.pipeline import FRAMES
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.demo import SOURCES
from orchestration.publishing.publication import read_publication
from orchestration.publishing.report.published import Published
from orchestration.publishing.report.standing import WINDOW_DAYS, standings
from tests.integration.company import NORTE, Company, Day
from tests.integration.corruptions import CORRUPTIONS
from tests.integration.semantic_cases import SAVED_QUERIES, disagreements
from tests.integration.theme_commands import worked_on_themes
from tests.truth.cases import CASES, Case
from tests.truth.compare import differences
from tests.truth.published import read_case

# The days are lived in the first test that asks for them.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(2400)]

SEED = 11
# Where a day is killed: in a stage of its progress, once it has come at least so far (of its steps).
KILLED_IN = {
    "loading": (re.compile(r"^\s+(jira|hubspot|zendesk): "), (0.0, 0.0)),
    "building": (re.compile(r"building tables: (\d+) of (\d+)"), (0.05, 0.9)),
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(tmp_path_factory.mktemp("company") / "home", SEED)


@pytest.fixture(scope="module")
def days(company: Company, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Day]:
    """The first day, and a second that was killed in every phase before it came to its end."""
    folder = tmp_path_factory.mktemp("days")
    first = company.live_a_day(folder / "first")
    is_read = _work_items(first.published)
    company.kill_publishing()
    assert _work_items(company.published) == is_read
    for phase, (says, span) in KILLED_IN.items():
        least = random.Random(f"{SEED} {phase}").uniform(*span)

        def is_there(line: str, says: re.Pattern[str] = says, least: float = least) -> bool:
            found = says.search(line)
            if found is None or len(found.groups()) < 2:
                return found is not None
            return int(found[1]) >= least * int(found[2])

        company.kill_when(is_there)
        assert _work_items(company.published) == is_read, f"killed while {phase}, it changed what readers see"
    return {"first day": first, "day of kills": company.live_a_day(folder / "second")}


def _work_items(published: Path) -> tuple[Any, ...] | None:
    with duckdb.connect(str(published), read_only=True) as reader:
        return reader.execute("select count(*), max(created_at) from delivery.fct_work_items").fetchone()


@pytest.fixture(scope="module")
def outage(days: dict[str, Day], company: Company) -> subprocess.CompletedProcess[str]:
    """What a third day said on which one vendor was down."""
    import requests

    now = days["day of kills"].now + timedelta(days=1)
    company.demo.write_company(now)
    with company.demo.serve(now) as settings:
        base = settings["SOURCES__ZENDESK__BASE_URL"].rsplit("/zendesk", 1)[0]
        fault = {"faults": {"zendesk": [{"kind": "outage"}]}}
        requests.post(f"{base}/_sandbox/scenario", json=fault, timeout=30).raise_for_status()
        return company.run(settings)


@pytest.mark.parametrize("day", ["first day", "day of kills"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_table_is_the_truth(
    case: Case, day: str, days: dict[str, Day], company: Company, truths: dict
) -> None:  # type: ignore[type-arg]
    lived = days[day]
    if day not in truths:
        truths[day] = lived.truth(company.world)
    expected = case.expected(truths[day])
    is_due = not case.comes_and_goes or day == "first day"
    assert len(expected) or not is_due, "the world has nothing to compare"
    found = differences(
        read_case(lived.published, case, truths[day]), expected, keys=case.keys, tolerance=case.tolerance
    )
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def truths() -> dict:  # type: ignore[type-arg]
    return {}


@pytest.mark.parametrize("day", ["first day", "day of kills"])
def test_data_health_counts_what_is_published_and_when_it_was_read(day: str, days: dict[str, Day]) -> None:
    lived = days[day]
    with duckdb.connect(str(lived.published), read_only=True) as reader:
        health = reader.execute(
            "select subject_type, subject, row_count, last_loaded_at, is_fresh, is_held_back, "
            "failing_check_count "
            "from governance.mart_governance__data_health"
        ).fetchall()
        marts = {row[1]: row for row in health if row[0] == "mart"}
        for subject, row in marts.items():
            counted = reader.execute(f"select count(*) from {subject}").fetchone()
            assert counted == (row[2],), subject
        tables = reader.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
    assert {name for (name,) in tables} - set(marts) == {"governance.mart_governance__data_health"}
    sources = {row[1]: row for row in health if row[0] == "source"}
    assert set(sources) == {"governance", "hubspot", "jira", "mixpanel", "zendesk"}
    for _, source, _, last_loaded_at, is_fresh, *_ in sources.values():
        assert is_fresh and last_loaded_at == lived.now.replace(tzinfo=None), source
    assert not any(is_held_back or failing for *_, is_held_back, failing in health)


def test_a_key_result_is_the_number_that_pages_show(days: dict[str, Day], company: Company) -> None:
    publication = read_publication(company.published.parent)
    assert days and publication is not None
    with Published(company.published, publication) as published:
        shown = standings(published)
        running = published.rows(
            "select metric_id, current_value from impact.mart_impact__key_results"
            " where status = 'running' and segment = 'all' and current_value is not null"
        )
    assert {shown[row["metric_id"]].reading for row in running} >= {"last_day", "median_28_days"}
    for row in running:
        one = shown[row["metric_id"]]
        # Pages show the sum of what happens on a day; its target is per day.
        of_days = WINDOW_DAYS if one.reading == "mean_28_days" else 1
        assert one.value == pytest.approx(row["current_value"] * of_days, abs=1e-6), row["metric_id"]


def test_a_frozen_verdict_is_said_again_word_for_word(days: dict[str, Day]) -> None:
    def said(day: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        with duckdb.connect(str(days[day].published), read_only=True) as reader:
            rows = reader.execute(
                "select delivery_id, metric, method_version, frozen_at, * from impact.fct_delivery_impact"
            ).fetchall()
        return {row[:3]: row[3:] for row in rows}

    frozen = {key: row for key, row in said("first day").items() if row[0] is not None}
    now = said("day of kills")
    assert frozen
    assert {key: now.get(key) for key in frozen} == frozen


def test_the_frames_that_dbt_builds_give_the_published_verdicts_from_files_too(
    days: dict[str, Day], company: Company, tmp_path: Path
) -> None:
    """`norte impact evaluate` on what the warehouse holds, bit for bit."""
    folder = tmp_path / "frames"
    folder.mkdir()
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        for name, relation in FRAMES.items():
            warehouse.table(relation).write_parquet(str(folder / f"{name}.parquet"))
    published = tmp_path / "published.parquet"
    with duckdb.connect(str(days["first day"].published), read_only=True) as reader:
        reader.table("impact.fct_delivery_impact").write_parquet(str(tmp_path / "previous.parquet"))
    with duckdb.connect(str(days["day of kills"].published), read_only=True) as reader:
        reader.table("impact.fct_delivery_impact").write_parquet(str(published))
        reader.table("impact.fct_delivery_impact_weekly").write_parquet(str(tmp_path / "course.parquet"))
    options = {
        "--frames": folder,
        "--out": tmp_path / "evaluated.parquet",
        "--weekly-out": tmp_path / "evaluated_course.parquet",
        "--previous": tmp_path / "previous.parquet",
    }
    arguments = [str(part) for option in options.items() for part in option]
    subprocess.run([str(NORTE), "impact", "evaluate", *arguments], check=True, capture_output=True)
    grains = {
        (published, options["--out"]): ["delivery_id", "metric", "method_version"],
        (tmp_path / "course.parquet", options["--weekly-out"]): [
            "delivery_id",
            "metric",
            "method_version",
            "weeks_since_exposure",
        ],
    }
    for (theirs, ours), grain in grains.items():
        expected = pd.read_parquet(theirs).sort_values(grain).reset_index(drop=True)
        found = pd.read_parquet(ours).sort_values(grain).reset_index(drop=True)
        assert len(expected)
        found = found.astype(expected.dtypes.to_dict())
        pd.testing.assert_frame_equal(found[list(expected.columns)], expected, check_exact=True)


def test_theme_commands_read_what_the_pipeline_left(
    days: dict[str, Day], company: Company, tmp_path: Path
) -> None:
    file = company.home / "warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as warehouse:
        candidates = warehouse.execute(
            "select candidate_id, item_count, examples from (select * from enrichment_trends.candidates"
            " qualify row_number() over (partition by _key order by _sequence desc) = 1)"
            " where not _is_deleted order by item_count desc, candidate_id"
        ).fetchall()
        in_doubt = warehouse.execute(
            "select feedback_id from staging.stg_insight__items where theme_status = 'review' and feedback_id"
            " not in (select feedback_id from insight.fct_feedback_themes)"
        ).fetchall()
    assert days and candidates and in_doubt
    first = candidates[0][0]
    found = worked_on_themes({"NORTE_HOME": str(company.home)}, first, tmp_path / "named")
    assert [line.split()[:2] for line in found.candidates.splitlines() if line.startswith(" candidate-")] == [
        [candidate_id, str(count)] for candidate_id, count, _ in candidates
    ]
    assert found.promoted == tuple(json.loads(candidates[0][2]))
    doubted = found.sheet[found.sheet["why"] == "in doubt"]
    drawn = found.sheet[found.sheet["why"] == "random sample"]
    assert set(doubted["feedback_id"]) - {row[0] for row in in_doubt} == set()
    assert {row[0] for row in in_doubt} - set(found.sheet["feedback_id"]) == set()
    assert len(drawn) == 20 and doubted["theme_id"].notna().all()
    as_file = worked_on_themes({}, first, tmp_path / "file", file)
    assert (as_file.candidates, as_file.promoted) == (found.candidates, found.promoted)
    pd.testing.assert_frame_equal(as_file.sheet, found.sheet)


@pytest.fixture(scope="module")
def semantic_answers(
    days: dict[str, Day], company: Company, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the semantic layer says of the first day: one process, since MetricFlow is slow to start."""
    folder = tmp_path_factory.mktemp("semantic")
    project = folder / "project"
    repository = Path(__file__).parents[2]
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(repository / "dbt_project", project, ignore=ignored)
    (project / "target").mkdir()
    # The build has just parsed the project; a semantic manifest names the warehouse by its file.
    manifest = company.home / "dbt" / "target" / "semantic_manifest.json"
    shutil.copyfile(manifest, project / "target" / manifest.name)
    shutil.copyfile(days["first day"].published, folder / "warehouse.duckdb")
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.semantic_layer", project, folder / "answers.json"],
        cwd=repository,
        env=os.environ
        | {
            "NORTE_WAREHOUSE_PATH": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(project / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    answers: dict[str, Any] = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return answers


def test_the_semantic_models_are_valid(semantic_answers: dict[str, Any]) -> None:
    validation = semantic_answers["validation"]
    assert validation["exit_code"] == 0, validation["output"]
    issues = [line for line in validation["output"].splitlines() if line.startswith("•")]
    # dbt writes a cumulative metric's measure, MetricFlow turns it into a metric and finds both.
    assert [line for line in issues if "should not have both a measure and a metric" not in line] == []


def test_every_saved_query_has_its_counterpart_in_the_marts(semantic_answers: dict[str, Any]) -> None:
    assert set(semantic_answers["queries"]) == set(SAVED_QUERIES)


@pytest.mark.parametrize("name", SAVED_QUERIES)
def test_saved_query_says_what_the_marts_say(
    name: str, semantic_answers: dict[str, Any], days: dict[str, Day], company: Company
) -> None:
    lived = days["first day"]
    answer = semantic_answers["queries"][name]
    assert "error" not in answer, answer
    today = lived.truth(company.world).today
    with duckdb.connect(str(lived.published), read_only=True) as reader:
        found = disagreements(name, answer, reader, today)
        assert not found, "\n".join(found[:20])
        # A comparison that finds nothing must be able to find something.
        marred = [[*row[:-1], None if row[-1] is None else float(row[-1]) + 1] for row in answer["rows"]]
        assert disagreements(name, answer | {"rows": marred}, reader, today)


def test_what_is_wrong_in_a_mart_is_noticed_by_its_check(
    days: dict[str, Day], company: Company, tmp_path: Path
) -> None:
    spoilt = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    shutil.copyfile(company.home / "warehouse.duckdb", spoilt.path)
    now = days["day of kills"].now
    suites = ["metric", "delivery", "governance", "impact", "governance_files"]
    meta = company.world.meta

    def run() -> list[CheckOutcome]:
        return run_suites(
            "marts",
            spoilt,
            now=now,
            names=suites,
            time_zone=meta.time_zone,
            own_email_domains=[meta.own_domain],
            sources=SOURCES,
        )

    before = run()
    assert [one.check for one in before if not one.success] == []
    with duckdb.connect(str(spoilt.path)) as connection:
        for statement in CORRUPTIONS.values():
            connection.execute(statement)
    after = run()
    noticed = {one.check for one in after if not one.success and one.could_run}
    assert set(CORRUPTIONS) - noticed == set()


def test_the_published_file_explains_its_columns_and_shows_no_other_schema(days: dict[str, Day]) -> None:
    with duckdb.connect(str(Path(days["first day"].published)), read_only=True) as reader:
        schemas = reader.execute("select distinct schema_name from duckdb_tables()").fetchall()
        bare = reader.execute(
            "select table_name, column_name from duckdb_columns() "
            "where not internal and coalesce(comment, '') = ''"
        ).fetchall()
    assert {name for (name,) in schemas} <= {"insight", "metric", "delivery", "impact", "governance"}
    assert bare == []


def test_no_personal_value_and_no_secret_is_published(days: dict[str, Day], company: Company) -> None:
    people, staff = company.world.table("people"), company.world.table("staff")
    personal = {
        str(value).casefold()
        for frame, columns in ((people, ("email", "phone", "name")), (staff, ("email",)))
        for column in columns
        for value in frame[column].dropna()
    }
    with duckdb.connect(str(days["day of kills"].published), read_only=True) as reader:
        texts = reader.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where data_type = 'VARCHAR' and not internal"
        ).fetchall()
        for schema, table, column in texts:
            values = reader.execute(
                f"select distinct {column} from {schema}.{table} where {column} is not null"
            )
            for (value,) in values.fetchall():
                folded = value.casefold()
                assert "@" not in value, f"{schema}.{table}.{column} holds what looks like an e-mail address"
                assert folded not in personal, f"{schema}.{table}.{column} holds a personal value"


def test_no_secret_is_written_anywhere(days: dict[str, Day], company: Company) -> None:
    with company.demo.serve(days["day of kills"].now) as settings:
        named = ("TOKEN", "SECRET", "PASSWORD")
        secrets = [
            value.encode()
            for name, value in settings.items()
            if any(word in name for word in named) and len(value) > 5
        ]
    assert len(secrets) >= 4
    for path in company.home.rglob("*"):
        if path.is_file() and company.demo.world_path not in path.parents:
            content = path.read_bytes()
            found = [secret for secret in secrets if secret in content]
            assert not found, f"{path} holds a secret"


def test_a_vendor_that_is_down_stops_no_other(
    outage: subprocess.CompletedProcess[str], days: dict[str, Day], company: Company
) -> None:
    said = outage.stdout + outage.stderr
    assert outage.returncode != 0, said
    assert "zendesk" in said
    with duckdb.connect(str(company.published), read_only=True) as reader:
        newest = reader.execute(
            "select max(date_on) from metric.mart_metric__active_daily where active_person_1d_count > 0"
        )
        assert newest.fetchone()[0] >= days["day of kills"].now.date()  # type: ignore[index]
        age = reader.execute(
            "select age_hours from governance.mart_governance__data_health "
            "where subject_type = 'source' and subject like 'zendesk%'"
        ).fetchone()
    assert age is not None and age[0] >= 23
    for name in ("product_review", "metrics", "customers", "data_health"):
        page = (company.published.parent / "pages" / f"{name}.html").read_text(encoding="utf-8")
        assert "zendesk was last read on" in page, name


def test_a_further_day_loads_only_what_is_new(
    outage: subprocess.CompletedProcess[str], days: dict[str, Day]
) -> None:
    def rows(output: str) -> dict[str, int]:
        found = re.findall(r"✓ (\w+)\s+([\d,]+) rows", output)
        return {source: int(count.replace(",", "")) for source, count in found}

    first, of_kills, of_outage = (
        rows(output) for output in (days["first day"].output, days["day of kills"].output, outage.stdout)
    )
    assert set(first) == set(of_kills) == {"governance", "hubspot", "jira", "mixpanel", "zendesk"}
    for source in ("hubspot", "jira", "mixpanel", "zendesk"):
        assert of_kills[source] < 0.2 * first[source], source
    for source in ("hubspot", "jira", "mixpanel"):
        assert 0 < of_outage[source] < 0.2 * first[source], source
