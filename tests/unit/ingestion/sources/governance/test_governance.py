"""The governance files: the template loads; what is wrong is told with file, line and remedy, all at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion.errors import ConfigurationInvalid, GovernanceInvalid
from ingestion.source import Record, RunContext
from ingestion.sources.governance import source
from ingestion.sources.governance.settings import GovernanceSettings

TEMPLATE = Path(__file__).parents[5] / "ingestion" / "sources" / "governance" / "template"


class Nothing:
    def keys(self, resource: str, prefix: str | None = None) -> set[str]:
        return set()


def read(folder: Path, known: Any = None) -> dict[str, list[Record]]:
    settings = GovernanceSettings()
    settings.directory = str(folder)
    context = RunContext(
        "governance",
        datetime(2026, 10, 5, tzinfo=UTC),
        {},
        known or Nothing(),
        lambda name, rows, expected: None,
    )
    (piece,) = list(source.slices(settings, context))
    return {batch.resource: list(batch.records) for batch in piece.batches}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TEMPLATE, tmp_path / "company"))


@pytest.fixture
def problems_after(folder: Path) -> Iterator[Callable[..., list[str]]]:
    def after(file: str, old: str, new: str) -> list[str]:
        path = folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(GovernanceInvalid) as caught:
            read(folder)
        return [str(problem) for problem in caught.value.problems]

    yield after


def test_the_template_is_valid_and_fills_every_table(folder: Path) -> None:
    found = read(folder)
    assert found.keys() == {resource.name for resource in source.resources}
    empty = {name for name, records in found.items() if not records}
    assert empty == {"account_overrides", "delivery_assignments", "theme_overrides"}
    (delivery,) = found["deliveries"]
    assert delivery.values["released_at"].isoformat() == "2026-08-03T09:00:00-03:00"
    assert delivery.values["adopter_event"] == "Export Downloaded"
    assert found["mappings"][0].values.keys() == {"mapping_key", "position", "value"}
    events = [
        row.values for row in found["mappings"] if row.values["mapping_key"] == "analytics.value_events"
    ]
    assert [(row["position"], row["value"]) for row in events] == [
        (1, "Report Viewed"),
        (2, "Report Created"),
    ]


def test_every_file_is_optional(tmp_path: Path) -> None:
    assert set(map(len, read(tmp_path).values())) == {0}


def test_a_directory_that_is_not_there_is_a_setting_to_correct(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="SOURCES__GOVERNANCE__DIRECTORY"):
        read(tmp_path / "nowhere")


def test_holidays_are_those_of_the_country_and_the_companys_own(folder: Path) -> None:
    days = {row.values["holiday_on"]: row.values["name"] for row in read(folder)["holidays"]}
    assert date(2026, 9, 7) in days
    assert days[date(2026, 12, 24)] == "Company holiday"
    assert date(2026, 7, 9) in days, "a holiday of the subdivision"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "objectives.yml",
            "owner:",
            "ownr:",
            "objectives.yml:5: expected a key of an objective; came 'ownr'",
        ),
        ("objectives.yml", "owner:", "ownr:", "Did you mean 'owner'?"),
        ("objectives.yml", "objectives:\n", "objective:\n", "one top key 'objectives'"),
        ("objectives.yml", "name: Customers stay and grow", "name:", "objectives.yml:4: expected name"),
        ("objectives.yml", "2026-12-31", "2025-12-31", "expected ends_on on or after starts_on (2026-07-01)"),
        ("objectives.yml", "2026-12-31", "soon", "expected a date like 2026-03-31"),
        ("objectives.yml", "  - id: keep", " - id: [keep", "expected valid YAML"),
        ("key_results.yml", "keep-customers", "keep-custommers", "Did you mean 'keep-customers'?"),
        ("key_results.yml", "baseline: 120", "baseline: many", "expected a number as baseline"),
        ("decisions.yml", "customer_evidence ", "customers ", "Did you mean 'customer_evidence'?"),
        (
            "decisions.yml",
            "[export-2]",
            "[export-3]",
            "decisions.yml:15: expected deliveries to name entries",
        ),
        ("deliveries.yml", "09:00:00-03:00", "09:00:00", "with its zone"),
        ("deliveries.yml", "rollout: phased", "rollout: fased", "Did you mean 'phased'?"),
        (
            "deliveries.yml",
            "theme: export",
            "theme: exports",
            "themes/; came 'exports'. Did you mean 'export'?",
        ),
        ("deliveries.yml", "[WEB-7]", "[WEB-7, EXP-12]", "EXP-12 in one delivery only"),
        ("deliveries.yml", "wave: 1", "wave: one", "expected an integer as wave"),
        ("deliveries.yml", "wave: 1", "wave: 0", "expected waves numbered from 1"),
        ("deliveries.yml", "wave: 2", "wave: 1", "one day on which wave 1 starts"),
        ("deliveries.yml", ", segments: [smb]", "", "accounts or segments of the wave; came neither"),
        (
            "assignments.csv",
            "assigned_at\n",
            "assigned_at\nexport-3,12,1,\n",
            "assignments.csv:2: expected delivery_id to name an entry of deliveries.yml",
        ),
        (
            "assignments.csv",
            "assigned_at\n",
            "assigned_at\nexport-2,12,control,\n",
            "assignments.csv:2: expected an integer as arm",
        ),
        (
            "metrics.yml",
            "# parent: mrr ",
            "parent: active_accounts_28d ",
            "'active_accounts_28d' above itself",
        ),
        (
            "themes/export.yml",
            "'\\bplanilha'",
            "'planilha('",
            "themes/export.yml:12: expected a regular expression",
        ),
        ("themes/export.yml", "id: export", "id: exporting", "the id 'export', as the file is called"),
        ("themes/export.yml", "status: active", "status: activ", "Did you mean 'active'?"),
        ("calendars.yml", "America/Sao_Paulo      #", "America/Sampa #", "a time zone like"),
        ("calendars.yml", "country: BR", "country: XX", "a country code like BR"),
        ("calendars.yml", "subdivision: SP", "subdivision: ZZ", "a subdivision of BR"),
        ("calendars.yml", "'18:00'", "'08:00'", "work hours that end after they start"),
        ("calendars.yml", "[1, 2, 3, 4, 5]", "[0, 1]", "a weekday from 1 (Monday) to 7"),
        ("calendars.yml", "BRL: 0.2", "BRL: zero", "calendars.yml:16: expected a number"),
        ("statuses.csv", "status,", "state,", "a column 'state'"),
        ("statuses.csv", "Blocked,,blocked,", "Blocked,,blokced,", "statuses.csv:3: expected one of active"),
        (
            "statuses.csv",
            "Blocked,,blocked,",
            "blocked,,blocked,\nBlocked,,queue,",
            "statuses.csv:4: expected",
        ),
        ("teams.csv", "web,Web,delivery", "web,Web", "teams.csv:2: expected 6 values; came 5"),
        (
            "day_rates.csv",
            ",600,USD",
            "wep,600,USD",
            "team_id to name an entry of teams.csv; came 'wep'",
        ),
        ("day_rates.csv", ",600,USD", ",600,CHF", "currency to name an entry of the fiscal years"),
        ("day_rates.csv", ",600,USD", ",-600,USD", "an amount of 0 or more; came -600"),
        ("sla_targets.csv", "urgent,first_reply,30", "urgent,first_reply,0", "minutes above 0; came 0"),
        ("sla_targets.csv", "urgent,first_reply", "urgent,reply", "expected one of first_reply, next_reply"),
        ("sla_targets.csv", "\n,first_reply", "\nUrgent,first_reply", "'first_reply, urgent' once"),
        ("sla_targets.csv", "240,business", "240,office", "expected one of calendar, business"),
        ("sla_targets.csv", "240,business,,", "240,business,2026-02-01,2026-01-01", "valid_to on or after"),
        ("mappings.yml", "value_events", "values_events", "Did you mean 'value_events'?"),
        ("health_weights.yml", "0.3", "-0.3", "a weight of usage_trend of 0 or more"),
        ("health_weights.yml", "sentiment", "sentimant", "Did you mean 'sentiment'?"),
    ],
)
def test_an_error_names_its_place_and_the_way_out(
    problems_after: Callable[..., list[str]], file: str, old: str, new: str, expected: str
) -> None:
    problems = problems_after(file, old, new)
    assert any(expected in problem for problem in problems), problems
    assert all(problem.startswith(file) for problem in problems if "to name" not in problem), problems


def test_all_errors_are_told_at_once(folder: Path) -> None:
    (folder / "objectives.yml").write_text("objectives:\n  - {id: a}\n  - {id: a, name: x, colour: red}\n")
    (folder / "teams.csv").write_text("team_id,name\nx,X\n")
    with pytest.raises(GovernanceInvalid) as caught:
        read(folder)
    message = str(caught.value)
    for part in ("colour", "starts_on", "'a' once", "a column 'kind'", "keep-customers", "What to do"):
        assert part in message
    assert len(message.splitlines()) == len(caught.value.problems) + 1


def test_a_file_under_a_wrong_name_is_not_ignored_in_silence(folder: Path) -> None:
    (folder / "objectives.yml").rename(folder / "objectives.yaml")
    with pytest.raises(GovernanceInvalid, match=r"a file 'objectives\.yml'"):
        read(folder)


def test_another_encoding_is_named_with_its_line(folder: Path) -> None:
    (folder / "teams.csv").write_bytes("team_id,name,kind\nx,Produção,support\n".encode("latin-1"))
    with pytest.raises(GovernanceInvalid, match=r"teams\.csv:2: expected text in UTF-8"):
        read(folder)


def test_waves_and_arms_are_rows_of_their_own(folder: Path) -> None:
    (folder / "assignments.csv").write_text(
        "delivery_id,account,arm,assigned_at\nexport-2,12,1,2026-08-03T09:00:00Z\nexport-2,hubspot:13,0,\n"
    )
    found = read(folder)
    waves = [tuple(row.values.values()) for row in found["delivery_waves"]]
    assert waves == [
        ("export-2", 1, date(2026, 8, 3), "segment", "smb"),
        ("export-2", 2, date(2026, 8, 17), "segment", "mid_market"),
        ("export-2", 2, date(2026, 8, 17), "segment", "enterprise:emea"),
    ]
    arms = [(row.values["account_ref"], row.values["arm"]) for row in found["delivery_assignments"]]
    assert arms == [("12", 1), ("hubspot:13", 0)]


def test_words_that_yaml_would_turn_into_something_else_stay_words(folder: Path) -> None:
    path = folder / "calendars.yml"
    path.write_text(
        path.read_text().replace("country: BR", "country: NO").replace("    subdivision: SP   ", "    ")
    )
    (calendar,) = read(folder)["calendars"]
    assert calendar.values["country"] == "NO"


def test_spreadsheets_with_semicolons_are_read(folder: Path) -> None:
    (folder / "teams.csv").write_text(
        "\ufeffteam_id;name;kind;owner;source;source_key\nx;X;support;;zendesk;X\n"
    )
    (team,) = read(folder)["teams"]
    assert team.values["source_key"] == "X"


def test_what_is_gone_from_the_files_becomes_a_tombstone(folder: Path) -> None:
    class Known:
        def keys(self, resource: str, prefix: str | None = None) -> set[str]:
            return {"keep-customers", "old-one"} if resource == "objectives" else set()

    kept, gone = read(folder, Known())["objectives"]
    assert (kept.values["objective_id"], kept.is_deleted) == ("keep-customers", False)
    assert (gone.key, gone.values, gone.is_deleted) == ("old-one", {"objective_id": "old-one"}, True)
