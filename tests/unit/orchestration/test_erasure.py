"""What lies outside of the warehouse, what readers see, and an erasure that is stopped or refused."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingestion.erasure.purging import Findings, Known
from ingestion.erasure.redaction import Redactor
from ingestion.erasure.register import Register, read_register
from ingestion.errors import IngestionError
from ingestion.warehouses.duckdb import DuckDBWarehouse
from orchestration import erasure as erasing
from orchestration.backup import restore_backup, take_backup
from orchestration.cli import app
from orchestration.erasure import Literals, Person, amend_published, erase, held_by_backup, look
from orchestration.settings import Settings

SECRET = "s" * 40
ADDRESS, NAME, PHONE = "débora@cerrado.example", "Débora Fernandes", "+55 11 90000-1788"
PERSON = Person(addresses=(ADDRESS,))
PAYLOAD = json.dumps({"id": 7, "name": NAME, "phone": PHONE, "email": ADDRESS}, ensure_ascii=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home whose help desk knows a person, and whose logs quote her."""
    made = Settings(home=tmp_path / "home", person_key_secret=SECRET, company=None)
    with DuckDBWarehouse(made.working_file).connect() as connection:
        connection.execute("create schema raw_zendesk")
        connection.execute("create table raw_zendesk._dlt_loads (load_id varchar, status bigint)")
        connection.execute("create table raw_zendesk.load_audit (is_sandbox boolean)")
        envelope = "_instance varchar, _key varchar, _version_id varchar, payload varchar"
        connection.execute(
            f"create table raw_zendesk.users ({envelope}, user_id varchar, name varchar, email varchar,"
            " email_key varchar, role varchar)"
        )
        connection.execute(
            "insert into raw_zendesk.users values"
            " ('zendesk', '7', 'v', $payload, '7', $name, $address, 'old key', 'end-user'),"
            " ('zendesk', '8', 'v', '{}', '8', 'Ana Lima', 'ana@cerrado.example', 'other key', 'end-user')",
            {"payload": PAYLOAD, "name": NAME, "address": ADDRESS},
        )
        connection.execute(
            f"create table raw_zendesk.tickets ({envelope}, ticket_id varchar, subject varchar,"
            " requester_id varchar)"
        )
        connection.execute(
            "insert into raw_zendesk.tickets values"
            " ('zendesk', '1', 'v', '{}', '1', 'I cannot pay', '7'),"
            " ('zendesk', '2', 'v', '{}', '2', 'for debora fernandes', '8')"
        )
        connection.execute("create schema staging")
        connection.execute("create table staging.stg_zendesk__users as from raw_zendesk.users")
    made.logs_dir.mkdir(parents=True)
    (made.logs_dir / "build.log").write_text(f"first line\nvalue {ADDRESS.upper()} is no date\n")
    (made.logs_dir / "load.log").write_text("nothing of anybody\n")
    left = made.pipelines_dir / "zendesk" / "dlt"
    left.mkdir(parents=True)
    (left / "package.jsonl").write_text(PAYLOAD)
    made.dagster_home.mkdir()
    with closing(sqlite3.connect(made.dagster_home / "index.db")) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table event_logs (id integer primary key, event text)")
        database.execute("insert into event_logs (event) values (?)", [json.dumps({"message": NAME})])
        database.execute('insert into event_logs (event) values (\'{"message": "all is well"}\')')
        database.commit()
    return made


def who_holds(home: Path) -> list[str]:
    """Files in which she can be read, as text or by a query."""
    needles = [one.encode() for word in (ADDRESS, NAME, PHONE) for one in (word, json.dumps(word)[1:-1])]
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and any(needle.lower() in path.read_bytes().lower() for needle in needles):
            found.append(path.name)
    return found


def users(settings: Settings) -> list[tuple[str, ...]]:
    with DuckDBWarehouse(settings.working_file).connect() as connection:
        return connection.execute("select * from raw_zendesk.users order by _key").fetchall()


def test_a_look_changes_nothing_and_says_what_there_is(settings: Settings) -> None:
    before = {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    found = look(settings, [PERSON])
    assert found.records == {"zendesk:users": 1}
    assert found.left == []
    assert found.rows == {
        ("raw_zendesk.users", "theirs"): 1,
        ("raw_zendesk.tickets", "theirs"): 1,
        ("raw_zendesk.tickets", "mention"): 1,
    }
    assert {Path(name).name for name in found.files} == {"build.log", "index.db", "package.jsonl"}
    after = {path: path.read_bytes() for path in settings.home.rglob("*") if path.is_file()}
    assert {path: text for path, text in after.items() if path in before and path.suffix != ".lock"} == {
        path: text for path, text in before.items() if path.suffix != ".lock"
    }
    assert not settings.erased_file.exists()


def test_an_erasure_leaves_nothing_of_her_and_everything_else(settings: Settings) -> None:
    done = erase(settings, [PERSON])
    assert not done.found_nothing
    assert who_holds(settings.home) == []
    hers, other = users(settings)
    assert hers[5] is None and hers[6].endswith("@cerrado.example") and hers[8] == "end-user"
    assert other == (
        "zendesk",
        "8",
        "v",
        "{}",
        "8",
        "Ana Lima",
        "ana@cerrado.example",
        "other key",
        "end-user",
    )
    with DuckDBWarehouse(settings.working_file).connect() as connection:
        subjects = connection.execute("select subject from raw_zendesk.tickets order by _key").fetchall()
        built = connection.execute("select 1 from duckdb_tables() where schema_name = 'staging'").fetchall()
    assert subjects == [("[words erased]",), ("for [erased]",)]
    assert built == [], "what is built from raw is made anew"
    assert (settings.logs_dir / "build.log").read_text() == "first line\nvalue [erased] is no date\n"
    with closing(sqlite3.connect(settings.dagster_home / "index.db")) as database:
        events = database.execute("select event from event_logs order by id").fetchall()
    assert events == [('{"message": "[erased]"}',), ('{"message": "all is well"}',)]
    assert all(person.is_done for person in read_register(settings.erased_file, SECRET).people)
    assert erase(settings, [PERSON]).found_nothing


@pytest.mark.parametrize("step", ["_empty_working_folders", "_republish", "purge", "rewrite"])
def test_an_erasure_that_was_stopped_goes_on(
    settings: Settings, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if step == "rewrite":
            patched.setattr(DuckDBWarehouse, "rewrite", stopped)
        else:
            patched.setattr(erasing, step, stopped)
        with pytest.raises(KeyboardInterrupt):
            erase(settings, [PERSON])
    (person,) = read_register(settings.erased_file, SECRET).people
    assert not person.is_done
    erase(settings, [])
    assert who_holds(settings.home) == []
    (person,) = read_register(settings.erased_file, SECRET).people
    assert person.is_done


def test_what_somebody_else_put_there_is_named_and_left(settings: Settings) -> None:
    notes = settings.home / "notes.txt"
    notes.write_text(f"ask {NAME}")
    assert erase(settings, [PERSON]).left == [str(notes)]
    assert notes.read_text() == f"ask {NAME}"


def test_while_a_load_is_under_way_it_is_refused(settings: Settings) -> None:
    with (settings.pipelines_dir / "zendesk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(IngestionError, match="zendesk is being loaded"):
            erase(settings, [PERSON])
    assert users(settings)[0][5] == NAME


def test_a_shared_mailbox_is_no_person(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.erasure.purging.MOST_RECORDS", 0)
    with pytest.raises(IngestionError, match="shared mailbox"):
        look(settings, [PERSON])


def test_a_backup_from_before_brings_nobody_back(settings: Settings, tmp_path: Path) -> None:
    take_backup(settings, tmp_path / "kept")
    assert sum(held_by_backup(tmp_path / "kept", [PERSON], settings).values()) == 3
    done = erase(settings, [PERSON])
    assert done.backups == [str(tmp_path / "kept")]
    restore_backup(settings, tmp_path / "kept", replace=True)
    assert who_holds(settings.home) == []
    assert users(settings)[0][5] is None
    # A new machine, whose list comes with a later backup.
    take_backup(settings, tmp_path / "later")
    other = Settings(home=tmp_path / "other", person_key_secret=SECRET, company=None)
    restore_backup(other, tmp_path / "later")
    restore_backup(other, tmp_path / "kept", replace=True)
    assert who_holds(other.home) == []
    assert not held_by_backup(tmp_path / "later", [PERSON], settings)


def test_the_command_asks_first_and_never_tells_a_value(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORTE_HOME", str(settings.home))
    monkeypatch.setenv("NORTE_PERSON_KEY_SECRET", SECRET)
    command = CliRunner()
    unsure = command.invoke(app, ["erase", "--from", "-"], input=ADDRESS)
    assert unsure.exit_code == 1 and "--yes" in unsure.output
    nobody = command.invoke(app, ["erase", "--yes"])
    assert nobody.exit_code == 1 and "expected a person" in nobody.output
    mistyped = command.invoke(app, ["erase", "--from", "-", "--yes"], input=f"# today\n{NAME}\n")
    assert mistyped.exit_code == 1 and "line 2" in mistyped.output and NAME not in mistyped.output
    assert users(settings)[0][5] == NAME
    looked = command.invoke(app, ["erase", "--from", "-", "--dry-run"], input=f"{ADDRESS}, zendesk:users:7")
    assert looked.exit_code == 0 and "Nothing was changed" in looked.output
    assert "raw_zendesk.users: 1 row of theirs" in looked.output
    assert not [word for word in (ADDRESS, NAME, PHONE) if word in looked.output]


def test_readers_see_neither_her_key_nor_her_words(tmp_path: Path) -> None:
    register = Register(SECRET)
    register.add(register.marks_of(addresses=[ADDRESS], names=[NAME]), "now")
    file = tmp_path / "published.duckdb"
    findings = Findings(keys={"old key": "new key"}, words={"I cannot pay at all"})
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema insight")
        connection.execute("create table insight.fct_feedback (person_key text, text_redacted text, n int)")
        connection.execute(
            "insert into insight.fct_feedback values ('old key', 'I cannot pay at all', 1),"
            " ('other', 'all is well', 2), (null, null, 3)"
        )
        connection.execute("create table insight.quotes (quotes text)")
        connection.execute(
            'insert into insight.quotes values (\'"I cannot pay at all" and "debora fernandes left"\')'
        )
        count = amend_published(
            connection,
            findings,
            Redactor(register, lambda address: address),
            Literals([Known(addresses={ADDRESS}, names={NAME})]),
        )
        feedback = connection.execute("from insight.fct_feedback order by n").fetchall()
        quotes = connection.execute("from insight.quotes").fetchall()
    assert feedback == [("new key", None, 1), ("other", "all is well", 2), (None, None, 3)]
    assert quotes == [('"[words erased]" and "[erased] left"',)]
    assert count == 3


@pytest.mark.parametrize(
    "remove", [lambda path: path.unlink(), lambda path: None], ids=["no warehouse", "a warehouse"]
)
def test_somebody_who_is_nowhere_is_kept_out_of_later_loads(
    settings: Settings, remove: Callable[[Path], None]
) -> None:
    remove(settings.working_file)
    done = erase(settings, [Person(addresses=("nobody@nowhere.example",))])
    assert done.found_nothing and done.people == 1
