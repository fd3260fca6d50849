"""What `norte init` writes can be read by what reads it, and nothing that is there is ever replaced."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.registry import available
from ingestion.sources.governance import validated
from orchestration.company import CompanyError, CompanyFolder, read_env_file
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.setup import PROJECT_CONFIG, Plan, make_company, parse_connections


def make(path: Path, connections: str = "hubspot,jira,jira_emea=jira") -> CompanyFolder:
    folder = CompanyFolder(path)
    make_company(Plan(folder, parse_connections(connections), "Europe/Lisbon", ("acme.example",)))
    return folder


def test_connections_are_named_with_commas_and_governance_is_always_on() -> None:
    assert parse_connections("hubspot, jira_emea=jira") == {
        "hubspot": "hubspot",
        "jira_emea": "jira",
        "governance": "governance",
    }
    with pytest.raises(CompanyError, match="came hubspott"):
        parse_connections("hubspott")
    with pytest.raises(CompanyError, match="lower case"):
        parse_connections("Jira-EMEA=jira")


def test_the_configuration_lists_the_connections_and_keeps_how_rows_are_loaded(tmp_path: Path) -> None:
    config = tomllib.loads(make(tmp_path / "acme").config_file.read_text())
    assert config["sources"]["enabled"] == ["hubspot", "jira", "jira_emea", "governance"]
    assert config["sources"]["jira_emea"] == {"source": "jira"}
    assert config["sources"]["governance"]["directory"] == str(tmp_path / "acme" / "governance")
    project = tomllib.loads(PROJECT_CONFIG.read_text())
    assert {name: config[name] for name in project if name != "sources"} == {
        name: project[name] for name in project if name != "sources"
    }


def test_every_setting_of_every_source_is_offered_where_it_belongs(tmp_path: Path) -> None:
    vendors = [name for name in available() if name != "governance"]
    folder = make(tmp_path / "acme", ",".join(vendors))
    config, secrets = folder.config_file.read_text(), folder.secrets_file.read_text()
    uncommented = "\n".join(line.removeprefix("# ") for line in config.splitlines() if " = " in line)
    for name in ("base_url", "email", "projects", "project_id", "requests_per_10_seconds"):
        assert f"\n{name} = " in uncommented
    for name in ("access_token", "client_secret", "api_token", "secret"):
        assert f"# {name} = " in secrets
        assert f"# {name} = " not in config
    tomllib.loads(secrets)


def test_settings_are_read_back_and_the_secret_is_new_each_time(tmp_path: Path) -> None:
    found = [read_env_file(make(tmp_path / name).env_file) for name in ("a", "b")]
    assert found[0]["NORTE_TIME_ZONE"] == "Europe/Lisbon"
    assert found[0]["NORTE_HOME"] == str(tmp_path / "a" / ".norte")
    keys = {each["NORTE_PERSON_KEY_SECRET"] for each in found}
    assert len(keys) == 2 and all(len(key) == 64 for key in keys)
    offered = (tmp_path / "a" / "norte.env").read_text()
    assert not [
        name
        for name in Settings.model_fields
        if name != "company" and f"NORTE_{name.upper()}=" not in offered
    ]


def test_the_warehouse_is_chosen_when_the_folder_is_made(tmp_path: Path) -> None:
    folder = CompanyFolder(tmp_path / "acme")
    make_company(Plan(folder, parse_connections("jira"), "UTC", warehouse="postgres"))
    assert read_env_file(folder.env_file)["NORTE_WAREHOUSE"] == "postgres"
    assert "# NORTE_POSTGRES_URL=" in folder.env_file.read_text()
    assert read_env_file(make(tmp_path / "file").env_file)["NORTE_WAREHOUSE"] == "duckdb"


def test_secrets_are_private_and_stay_out_of_git(tmp_path: Path) -> None:
    folder = make(tmp_path / "acme")
    for path in (folder.env_file, folder.secrets_file):
        assert path.stat().st_mode & 0o777 == 0o600
    assert folder.home.stat().st_mode & 0o777 == 0o700
    ignored = (folder.path / ".gitignore").read_text().split()
    assert {"norte.env", ".dlt/secrets.toml", ".norte/"} <= set(ignored)


def test_governance_files_are_valid_and_say_nothing_that_the_company_did_not(tmp_path: Path) -> None:
    folder = make(tmp_path / "acme")
    rows, problems = validated(folder.governance, datetime(2026, 10, 5, tzinfo=UTC), instance="governance")
    assert problems == []
    for name in ("objectives", "key_results", "decisions", "deliveries", "themes", "teams"):
        assert rows[name] == []
    assert rows["calendars"][0].values["time_zone"] == "Europe/Lisbon"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours")
    with pytest.raises(CompanyError, match=r"README\.md"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "ours"


@pytest.mark.parametrize("place", ["acme", "acme/deeper"])
def test_it_is_not_made_in_the_sandbox_companys_home(tmp_path: Path, place: str) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "demo.json").write_text("{}")
    with pytest.raises(CompanyError, match="sandbox company"):
        make(tmp_path / place)


def test_it_is_not_made_within_the_program() -> None:
    with pytest.raises(CompanyError, match="outside of the program's"):
        make(PROJECT_ROOT / "acme")
