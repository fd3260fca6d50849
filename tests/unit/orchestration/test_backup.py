"""A backup is whole or refused, and restoring leaves the old data or the new, never half of it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import duckdb
import pytest

from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration.backup import BackupError, read_backup, restore_backup, take_backup
from orchestration.settings import Settings


def home(path: Path, secret: str = "s" * 40) -> Settings:
    return Settings(home=path, person_key_secret=secret, now="2026-10-05T06:00:00Z", company=None)


def fill(settings: Settings, companies: int) -> None:
    with DuckDBWarehouse(settings.working_file).connect() as connection:
        connection.execute("create schema if not exists raw_hubspot")
        connection.execute("create or replace table raw_hubspot._dlt_loads (load_id varchar, status bigint)")
        connection.execute("insert into raw_hubspot._dlt_loads values ('1', 0), ('2', 0), ('3', 1)")
        connection.execute("create or replace table raw_hubspot.load_audit (is_sandbox boolean)")
        connection.execute("insert into raw_hubspot.load_audit values (false)")
        connection.execute(f"create or replace table raw_hubspot.companies as from range({companies})")


def companies(settings: Settings) -> int:
    with duckdb.connect(str(settings.working_file), read_only=True) as connection:
        found = connection.execute("select count(*) from raw_hubspot.companies").fetchone()
    assert found
    return int(found[0])


@pytest.fixture
def ours(tmp_path: Path) -> Settings:
    settings = home(tmp_path / "home")
    fill(settings, 1000)
    settings.verdict_file.write_text('{"held_back": {}}')
    release = settings.published_dir / "releases" / "20261005"
    release.mkdir(parents=True)
    (release / "publication.json").write_text("{}")
    (settings.published_dir / "current").symlink_to("releases/20261005")
    return settings


@pytest.fixture
def kept(ours: Settings, tmp_path: Path) -> Path:
    take_backup(ours, tmp_path / "kept", with_publication=True)
    return tmp_path / "kept"


def test_a_backup_says_what_it_is(kept: Path) -> None:
    backup = read_backup(kept)
    assert (backup.loads, backup.is_sandbox) == (2, False)
    assert backup.created_at == "2026-10-05T06:00:00+00:00"
    assert backup.duckdb_version == duckdb.__version__
    assert set(backup.files) == {
        "warehouse.duckdb",
        "verdict.json",
        "published/20261005/publication.json",
    }
    assert "s" * 40 not in kept.read_bytes().decode(errors="ignore")


def test_an_empty_home_gets_all_of_it(kept: Path, tmp_path: Path) -> None:
    other = home(tmp_path / "other")
    restore_backup(other, kept)
    assert companies(other) == 1000
    assert other.verdict_file.exists()
    assert (other.published_dir / "current" / "publication.json").exists()
    assert not (other.home / ".restoring").exists()


def test_data_goes_only_when_told(ours: Settings, kept: Path) -> None:
    fill(ours, 5)
    with pytest.raises(BackupError, match="--replace"):
        restore_backup(ours, kept)
    assert companies(ours) == 5
    restore_backup(ours, kept, replace=True)
    assert companies(ours) == 1000


def test_what_was_written_after_the_last_checkpoint_does_not_meet_the_restored_file(
    ours: Settings, kept: Path
) -> None:
    log = ours.working_file.with_name("warehouse.duckdb.wal")
    log.write_bytes(b"of a killed process")
    restore_backup(ours, kept, replace=True)
    assert not log.exists()
    assert companies(ours) == 1000


@pytest.mark.parametrize("harm", ["cut", "changed", "no record"])
def test_a_harmed_backup_is_refused_and_nothing_changes(ours: Settings, kept: Path, harm: str) -> None:
    content = bytearray(kept.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "changed":
        content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    if harm == "no record":
        with tarfile.open(kept, "w") as tar:
            tar.add(ours.working_file, "warehouse.duckdb")
    fill(ours, 5)
    with pytest.raises(BackupError, match="whole, unchanged backup"):
        restore_backup(ours, kept, replace=True)
    assert companies(ours) == 5


def test_another_secret_of_personal_keys_is_refused(kept: Path, tmp_path: Path) -> None:
    other = home(tmp_path / "other", secret="t" * 40)
    with pytest.raises(BackupError, match="NORTE_PERSON_KEY_SECRET"):
        restore_backup(other, kept)
    assert not other.working_file.exists()


def test_a_sandbox_companys_home_is_refused(kept: Path, tmp_path: Path) -> None:
    other = home(tmp_path / "other")
    other.home.mkdir()
    (other.home / "demo.json").write_text("{}")
    with pytest.raises(BackupError, match="sandbox company's"):
        restore_backup(other, kept)


def test_a_file_is_never_overwritten_nor_left_half(ours: Settings, kept: Path, tmp_path: Path) -> None:
    before = kept.read_bytes()
    with pytest.raises(BackupError, match="choose another name"):
        take_backup(ours, kept)
    assert kept.read_bytes() == before

    def stop(name: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_backup(ours, tmp_path / "stopped", on_progress=stop)
    assert not list(tmp_path.glob("stopped*"))


def test_a_load_under_way_is_waited_for_by_nobody(ours: Settings, kept: Path) -> None:
    import fcntl

    ours.pipelines_dir.mkdir()
    with (ours.pipelines_dir / "jira.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="jira is being loaded"):
            restore_backup(ours, kept, replace=True)
