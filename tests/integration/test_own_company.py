"""From nothing to a company of one's own by the commands alone; its vendors are the sandbox's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from ingestion.warehouses.duckdb import DuckDBWarehouse
from tests.integration.traces import files_with, somebody, tables_with

pytestmark = pytest.mark.integration

NORTE = Path(sys.executable).with_name("norte")
SOURCES = "hubspot,zendesk,mixpanel,jira"


@dataclass(frozen=True)
class Own:
    """A company's folder, and the sandbox that plays its vendors."""

    folder: Path
    server: SandboxServer

    def norte(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return norte(*arguments, cwd=self.folder, **variables)

    def findings(self, *arguments: str, **variables: str) -> str:
        """What `norte doctor` finds wrong, as one line of text."""
        done = self.norte("doctor", *arguments, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout


def norte(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("NORTE_", "SOURCES__"))
    }
    clean |= {"COLUMNS": "400", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.run(
        [str(NORTE), *arguments],
        cwd=cwd,
        env=clean | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def fill_in(file: Path, connection: str, values: Mapping[str, str]) -> None:
    """Remove the # and write the value, as a person does."""
    before, section, after = file.read_text(encoding="utf-8").partition(f"[sources.{connection}]\n")
    assert section, f"{file} has no section of {connection}"
    for name, value in values.items():
        after, count = re.subn(rf"(?m)^# {name} = .*$", f'{name} = "{value}"', after, count=1)
        assert count, f"{file} does not offer {name} of {connection}"
    file.write_text(before + section + after, encoding="utf-8")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    place = tmp_path_factory.mktemp("own")
    generate_world(place / "world", seed=5, accounts=20, months=4)
    now = World.load(place / "world").meta.as_of
    made = norte(
        "init", "--directory", "acme", "--sources", SOURCES, "--time-zone", "America/Sao_Paulo",
        "--email-domains", "acme.example", cwd=place,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    folder = place / "acme"
    with SandboxServer(place / "world", now) as server:
        base = server.base_url
        config, secrets = folder / ".dlt" / "config.toml", folder / ".dlt" / "secrets.toml"
        fill_in(config, "hubspot", {"base_url": f"{base}/hubspot"})
        fill_in(secrets, "hubspot", {"access_token": credentials.HUBSPOT_ACCESS_TOKEN})
        fill_in(
            config, "zendesk", {"base_url": f"{base}/zendesk", "client_id": credentials.ZENDESK_CLIENT_ID}
        )
        fill_in(secrets, "zendesk", {"client_secret": credentials.ZENDESK_CLIENT_SECRET})
        fill_in(
            config,
            "mixpanel",
            {
                "username": credentials.MIXPANEL_USERNAME,
                "project_id": credentials.MIXPANEL_PROJECT_ID,
                "data_base_url": f"{base}/mixpanel",
                "api_base_url": f"{base}/mixpanel",
            },
        )
        fill_in(secrets, "mixpanel", {"secret": credentials.MIXPANEL_SECRET})
        fill_in(config, "jira", {"base_url": f"{base}/jira", "email": credentials.JIRA_EMAIL})
        fill_in(secrets, "jira", {"api_token": credentials.JIRA_API_TOKEN})
        env = folder / "norte.env"
        text = env.read_text(encoding="utf-8")
        # The sandbox's vendors live on a day of their own.
        env.write_text(text.replace("# NORTE_NOW=", f"NORTE_NOW={now.isoformat()}"), encoding="utf-8")
        yield Own(folder, server)


@pytest.fixture(autouse=True)
def good_day(own: Own) -> Iterator[None]:
    yield
    own.server.set_scenario({"plan": {"hubspot": {"missing_scopes": []}}})


def test_a_company_that_was_filled_in_is_healthy(own: Own) -> None:
    done = own.norte("doctor", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 problems" in done.stdout
    for connection in (*SOURCES.split(","), "governance"):
        assert re.search(rf"✓ +{connection} ", done.stdout), f"nothing was said of {connection}"
    assert "the plan allows 190 requests in 10 s" in done.stdout
    assert "Story Points (customfield_10016)" in done.stdout


def test_it_loads_and_its_state_lies_in_its_own_folder(own: Own) -> None:
    done = own.norte("run", "--source", "governance")
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(own.folder / ".norte" / "warehouse.duckdb"), read_only=True) as reader:
        assert reader.execute("select count(*) > 0 from raw_governance.mappings").fetchall() == [(True,)]
        assert reader.execute("select count(*) from raw_governance.decisions").fetchall() == [(0,)]


def test_no_secret_is_ever_shown(own: Own) -> None:
    secrets = re.findall(r'(?m)^\w+ = "(.+)"$', (own.folder / ".dlt" / "secrets.toml").read_text())
    secrets += re.findall(r"NORTE_PERSON_KEY_SECRET=(\w+)", (own.folder / "norte.env").read_text())
    assert len(secrets) == 5
    own.server.set_scenario("outage")
    shown = own.norte("doctor", "--all").stdout + own.norte("doctor", SOURCES__JIRA__EMAIL="x").stdout
    assert not [secret for secret in secrets if secret in shown]


def test_wrong_tokens_are_named_with_what_to_do(own: Own) -> None:
    names = ("HUBSPOT__ACCESS_TOKEN", "ZENDESK__CLIENT_SECRET", "MIXPANEL__SECRET", "JIRA__API_TOKEN")
    shown = own.findings(**{f"SOURCES__{name}": "not-the-right-one" for name in names})
    for connection in SOURCES.split(","):
        assert re.search(
            rf"✗ +{connection} +authentication .*HTTP 401.*\n.*→ check .*(credentials|api_token)", shown
        )
    assert "not-the-right-one" not in shown


def test_a_host_that_does_not_answer_is_named(own: Own) -> None:
    shown = own.findings("jira", SOURCES__JIRA__BASE_URL="http://127.0.0.1:9")
    assert re.search(r"✗ +jira +reachable +expected an answer .*no connection", shown)
    assert "→ check base_url" in shown


def test_a_missing_setting_is_named_with_where_it_goes(own: Own) -> None:
    shown = own.findings("zendesk", SOURCES__ZENDESK__CLIENT_ID="")
    assert re.search(r"✗ +zendesk +settings +expected client_id and client_secret", shown)
    assert "SOURCES__ZENDESK__CLIENT_ID" in shown


def test_a_missing_scope_is_named(own: Own) -> None:
    own.server.set_scenario({"plan": {"hubspot": {"missing_scopes": ["deals", "feedback_submissions"]}}})
    shown = own.findings("hubspot")
    assert re.search(r"✗ +hubspot +deals .*HTTP 403", shown)
    assert "→ give the token the scope crm.objects.deals.read" in shown
    assert re.search(r"! +hubspot +feedback_submissions .*are left out", shown), (
        "a plan without them is normal"
    )
    assert not re.search(r"[✗!] +hubspot +contacts", shown)


def test_a_property_that_does_not_exist_is_named(own: Own) -> None:
    done = own.norte("doctor", "hubspot", SOURCES__HUBSPOT__SEGMENT_PROPERTY="tier")
    assert done.returncode == 0, f"the column stays empty, nothing fails: {done.stdout}"
    assert re.search(r"! +hubspot +property tier .*no 'tier'", done.stdout)
    shown = own.findings("jira", SOURCES__JIRA__SPRINT_FIELD="customfield_999")
    assert re.search(r"✗ +jira +sprint_field .*no customfield_999", shown)


def test_clocks_that_disagree_are_named(own: Own) -> None:
    own.server.set_scenario("clock_skew")
    shown = own.findings()
    for connection in SOURCES.split(","):
        assert re.search(rf"✗ +{connection} +clock .*5 minutes ahead of ours", shown)
    assert "→ set this machine's clock by NTP" in shown


def test_mistakes_in_governance_files_are_named_by_line(own: Own) -> None:
    file = own.folder / "governance" / "objectives.yml"
    before = file.read_text(encoding="utf-8")
    file.write_text("objectives:\n  - id: grow\n    name: Grow\n    starts_on: someday\n", encoding="utf-8")
    try:
        assert re.search(r"✗ +governance +objectives.yml:4 ", own.findings("governance", "--offline"))
    finally:
        file.write_text(before, encoding="utf-8")


def test_two_time_zones_are_a_problem(own: Own) -> None:
    shown = own.findings("governance", "--offline", NORTE_TIME_ZONE="Europe/Lisbon")
    assert re.search(r"✗ +settings +time zone .*Europe/Lisbon, calendars.yml says America/Sao_Paulo", shown)


def test_secrets_that_others_can_read_are_told(own: Own) -> None:
    file = own.folder / ".dlt" / "secrets.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    try:
        assert f"chmod 600 {file}" in own.norte("doctor", "--offline").stdout
    finally:
        file.chmod(0o600)


def test_the_demo_never_lives_in_a_companys_folder(own: Own) -> None:
    done = own.norte("demo")
    assert done.returncode == 1
    assert "expected no company's folder" in done.stderr
    made = own.norte(
        "init", "--directory", str(own.folder / "another"), "--sources", "jira", "--time-zone", "UTC"
    )
    assert made.returncode == 1 and "call `norte init` from another folder" in made.stderr
    assert not (own.folder / "another").exists()


def test_sandbox_home_and_company_are_not_mixed(own: Own, tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("{}")
    done = own.norte("doctor", "--offline", NORTE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "is the sandbox company's" in done.stderr


def test_whom_the_company_erases_no_vendor_brings_back(own: Own, tmp_path: Path) -> None:
    loads = [part for name in ("hubspot", "zendesk", "mixpanel") for part in ("--source", name)]
    assert own.norte("run", *loads).returncode == 0
    home = own.folder / ".norte"
    with DuckDBWarehouse(home / "warehouse.duckdb").open() as session:
        person = somebody(session)
        assert len(tables_with(person, session)) > 4
    asked = tmp_path / "asked"
    asked.write_text(f"# of today\n{person[0]}\n", encoding="utf-8")
    done = own.norte("erase", "--from", str(asked), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "raw_zendesk.users: 1 row of theirs" in done.stdout
    assert not any(word in done.stdout for word in person), "counts, never a value"
    with DuckDBWarehouse(home / "warehouse.duckdb").open() as session:
        assert tables_with(person, session) == []
    assert files_with(person, home.rglob("*")) == []
    # From nothing, so that every vendor tells everything again.
    fresh = tmp_path / "home"
    fresh.mkdir()
    shutil.copyfile(home / "erased.json", fresh / "erased.json")
    again = own.norte("run", *loads[:4], NORTE_HOME=str(fresh))
    assert again.returncode == 0, again.stdout + again.stderr
    with DuckDBWarehouse(fresh / "warehouse.duckdb").open() as session:
        assert tables_with(person, session) == []
        tickets = session.rows("select count(*) from raw_zendesk.tickets where subject = '[words erased]'")
    assert tickets[0][0] > 0
    assert files_with(person, fresh.rglob("*")) == []


def test_a_backup_brings_the_company_back(own: Own, tmp_path: Path) -> None:
    assert own.norte("run", "--source", "governance").returncode == 0
    kept = tmp_path / "acme.backup"
    taken = own.norte("backup", str(kept))
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert kept.stat().st_mode & 0o077 == 0
    refused = own.norte("restore", str(kept))
    assert refused.returncode == 1 and "--replace" in refused.stderr
    elsewhere = tmp_path / "home"
    restored = own.norte("restore", str(kept), NORTE_HOME=str(elsewhere))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    with duckdb.connect(str(elsewhere / "warehouse.duckdb"), read_only=True) as reader:
        assert reader.execute("select count(*) > 0 from raw_governance.holidays").fetchall() == [(True,)]
    again = own.norte("run", "--source", "governance", NORTE_HOME=str(elsewhere))
    assert again.returncode == 0, again.stdout + again.stderr
