"""Erasing people: what is done where, in which order, and that it can be done again.

Belongs here: the order of an erasure, and everything outside of the warehouse that may hold a person. Does
not belong here: who is whom, and what becomes of a row (`ingestion/erasure/`).

An erasure:
1. takes the locks: no load is under way nor begins, nobody builds or publishes;
2. finds the people in the warehouse and writes the list, so that from now on no load brings them back;
3. takes them out of files: logs, Dagster's storage, dbt's folder, what killed loads left;
4. publishes what readers see without them, and removes every earlier release;
5. amends raw and the engines' results, and drops what is built from them, in one transaction;
6. writes the warehouse anew, since what was changed stays readable in its pages;
7. notes on the list that it came to its end.

A kill leaves what was done until then, and the list says that it is not finished: `norte erase` without a
name goes on. It finds people by what the warehouse still holds of them, so what needs their names and
addresses in plain text (3, 4) comes before these are gone (5).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from ingestion.envelope import person_key
from ingestion.erasure.purging import Findings, Known, identify, purge, trace
from ingestion.erasure.redaction import MENTION_ERASED, WORDS_ERASED, Redactor
from ingestion.erasure.register import Marks, Register, normal_word, read_register
from ingestion.errors import ConfigurationInvalid, IngestionError
from ingestion.registry import available, enabled
from ingestion.warehouse import Session, Warehouse
from ingestion.warehouses import duckdb_warehouse
from orchestration.demo import Demo
from orchestration.examination import governance_directory
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings

OnProgress = Callable[[str, int, int], None]
_SQLITE = b"SQLite format 3\x00"
# A text that is shorter than this stands in others by chance.
_LEAST_QUOTED = 12


@dataclass(frozen=True)
class Person:
    """Somebody to erase, as the one who asks names them.

    Arguments:
        addresses: their e-mail addresses.
        records: connection, table, vendor's id.
    """

    addresses: tuple[str, ...] = ()
    records: tuple[tuple[str, str, str], ...] = ()


@dataclass
class Erasure:
    """What was found, and is gone unless it was a dry run.

    Arguments:
        people: how many are on the list.
        records: how many records of theirs there are, by `<connection>:<table>`.
        rows: rows by table and by whether they are `theirs` or a `mention`.
        files: files of the home that held one of them.
        left: files that somebody else put there and that hold one of them; these are not changed.
        published: values that readers saw and that were changed.
        governance: lines of the company's own files that name one of them; these are not changed.
        backups: files of backups that hold, or may hold, one of them.
        size: bytes of the warehouse before and after.
    """

    people: int = 0
    records: Counter[str] = field(default_factory=Counter)
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    published: int = 0
    governance: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)

    @property
    def found_nothing(self) -> bool:
        """Whether nothing of them was anywhere."""
        return not (self.rows or self.files or self.published)


def erase(
    settings: Settings, people: Sequence[Person], *, on_progress: OnProgress = lambda what, done, of: None
) -> Erasure:
    """Erase people, and everybody on the list of whom something is there again.

    Arguments:
        people: whom; nobody goes on with what was begun.
        on_progress: called with what is done, how much of it, of how much.

    Raises IngestionError; what was done until then stays done, and calling it again finishes it.
    """
    from orchestration.backup import without_loads

    secret = _secret(settings)
    warehouse = warehouse_of(settings)
    with without_loads(settings, "erase"), warehouse.lock("erase"):
        register = read_register(settings.erased_file, secret)
        _enlist(register, people, settings)
        register.save(settings.erased_file)
        erasure, known, findings, redactor = _look(settings, warehouse, register, on_progress)
        register.save(settings.erased_file)
        literals = Literals(known.values())
        _empty_working_folders(settings)
        for number, (name, scrub) in enumerate(files := list(_files_with(settings, literals)), start=1):
            on_progress("files", number, len(files))
            scrub()
            erasure.files.append(name)
        erasure.published = _republish(settings, warehouse, findings, redactor, literals, on_progress)
        if warehouse.exists():
            on_progress("warehouse", 0, 2)
            if findings.amended:
                with warehouse.open(who="erase") as session:
                    purge(session, findings)
            on_progress("warehouse", 1, 2)
            erasure.size = warehouse.rewrite()
            on_progress("warehouse", 2, 2)
        register.have_been_erased()
        register.save(settings.erased_file)
    return erasure


def look(
    settings: Settings, people: Sequence[Person], *, on_progress: OnProgress = lambda what, done, of: None
) -> Erasure:
    """What `erase` would find; nothing is changed."""
    register = read_register(settings.erased_file, _secret(settings))
    _enlist(register, people, settings)
    warehouse = warehouse_of(settings)
    erasure, known, findings, redactor = _look(settings, warehouse, register, on_progress)
    literals = Literals(known.values())
    erasure.files = [name for name, _ in _files_with(settings, literals)]
    current = settings.published_dir / "current" / "norte.duckdb"
    if current.exists():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "look.duckdb"
            shutil.copyfile(current, copy)
            with duckdb.connect(str(copy)) as connection:
                erasure.published = amend_published(connection, findings, redactor, literals)
    return erasure


def apply_to_file(file: Path, register: Register, secret: str) -> Findings:
    """Take everybody on the list out of a warehouse in a DuckDB file, which is written anew."""
    warehouse = duckdb_warehouse(file)
    try:
        with warehouse.lock("erase"):
            with warehouse.open(who="erase") as session:
                _, findings, _ = _traced(session, register, secret)
                if findings.amended:
                    purge(session, findings)
            if findings.amended:
                warehouse.rewrite()
    finally:
        file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
    return findings


def held_by_backup(path: Path, people: Sequence[Person], settings: Settings) -> Counter[tuple[str, str]]:
    """The rows of a backup that hold somebody of `people`, or of the list; the backup stays as it is."""
    from orchestration.backup import WAREHOUSE_FILE, unpack_backup

    secret = _secret(settings)
    register = read_register(settings.erased_file, secret)
    _enlist(register, people, settings)
    # Beside the backup: where it lies, personal data may lie.
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".norte-") as folder:
        unpack_backup(path, Path(folder) / "unpacked")
        file = Path(folder) / "unpacked" / WAREHOUSE_FILE
        with duckdb_warehouse(file).open(read_only=True) as session:
            return _traced(session, register, secret)[1].rows


class Literals:
    """How people may be written in files that nobody but a library reads.

    Arguments:
        people: as the warehouse knows them.
    """

    def __init__(self, people: Iterable[Known]) -> None:
        spelled: set[str] = set()
        for one in people:
            for address in one.addresses:
                spelled |= {address, quote(address)}
            for name in one.names:
                words = re.findall(r"[^\W_]+", name)
                if len(words) > 1:
                    plain = " ".join(normal_word(word) for word in words)
                    spelled |= {name, " ".join(words), plain, f"{words[0]} {words[-1]}"}
            spelled |= {phone for phone in one.phones if len(phone) > 6}
        # As libraries write JSON: letters that are not ASCII as escapes.
        self.words = sorted(
            {text for word in spelled for text in (word, json.dumps(word)[1:-1])}, key=len, reverse=True
        )
        self._pattern = (
            re.compile("|".join(re.escape(word) for word in self.words), re.IGNORECASE)
            if self.words
            else None
        )

    def __repr__(self) -> str:
        return f"Literals({len(self.words)})"

    def are_in(self, text: str) -> bool:
        """Whether any of them is in a text, whatever its case."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def are_in_file(self, path: Path) -> bool:
        """Whether any of them is in a file."""
        if self._pattern is None:
            return False
        overlap = max(len(word.encode()) for word in self.words)
        tail = b""
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                if self.are_in((tail + block).decode("utf-8", "replace")):
                    return True
                tail = block[-overlap:]
        return False

    def without(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(MENTION_ERASED, text)


def amend_published(
    connection: duckdb.DuckDBPyConnection, findings: Findings, redactor: Redactor, literals: Literals
) -> int:
    """Take people out of a published file: their keys, their words, what mentions them.

    Returns: how many values were changed.
    """
    count = 0
    quoted = sorted((words for words in findings.words if len(words) >= _LEAST_QUOTED), key=len, reverse=True)
    columns = connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where data_type = 'VARCHAR' and"
        " database_name = current_database() and not internal order by all"
    ).fetchall()
    for schema, table, column in columns:
        name, place = f'"{schema}"."{table}"', f'"{column}"'
        values = connection.execute(
            f"select distinct {place} from {name} where {place} is not null and {place} <> ''"
        ).fetchall()
        amended = []
        for (value,) in values:
            if value in findings.keys:
                new: str | None = findings.keys[value]
            elif value in findings.words:
                new = None if column == "text_redacted" else WORDS_ERASED
            else:
                new = value
                for words in quoted:
                    new = new.replace(words, WORDS_ERASED) if words in new else new
                for old, fresh in findings.keys.items():
                    new = new.replace(old, fresh) if old in new else new
                new = literals.without(new) if literals.are_in(new) else new
                new = redactor.text(new) if redactor.is_mentioned(new) else new
            if new != value:
                amended.append((value, new))
        if amended:
            connection.execute("create or replace temp table amended (old varchar, new varchar)")
            connection.executemany("insert into amended values (?, ?)", amended)
            done = connection.execute(
                f"update {name} set {place} = amended.new from amended where {name}.{place} = amended.old"
            ).fetchone()
            count += int(done[0]) if done else 0
            connection.execute("drop table amended")
    return count


def _secret(settings: Settings) -> str:
    secret = settings.person_key_secret.get_secret_value() or Demo(settings.home).person_key_secret()
    if not secret:
        raise ConfigurationInvalid(
            "the secret of the personal keys, which the list of erased people is made with",
            "none",
            "set NORTE_PERSON_KEY_SECRET",
        )
    return secret


def _enlist(register: Register, people: Sequence[Person], settings: Settings) -> None:
    for person in people:
        marks: Marks = register.marks_of(addresses=person.addresses, records=person.records)
        register.add(marks, settings.now_utc().isoformat())


def _traced(
    session: Session, register: Register, secret: str, on_progress: OnProgress = lambda what, done, of: None
) -> tuple[dict[str, Known], Findings, Redactor]:
    sources = list(available().values())
    known = identify(session, sources, register, secret)
    redactor = Redactor(register, lambda address: person_key(address, secret.encode()))

    def on_table(table: str, done: int, total: int) -> None:
        on_progress(f"looking for them: {table}", done, total)

    return known, trace(session, sources, redactor, known, on_table), redactor


def _look(
    settings: Settings, warehouse: Warehouse, register: Register, on_progress: OnProgress
) -> tuple[Erasure, dict[str, Known], Findings, Redactor]:
    secret = _secret(settings)
    if warehouse.exists():
        with warehouse.open(who="erase") as session:
            known, findings, redactor = _traced(session, register, secret, on_progress)
    else:
        known, findings = {}, Findings()
        redactor = Redactor(register, lambda address: person_key(address, secret.encode()))
    erasure = Erasure(people=len(register.people), rows=findings.rows)
    for one in known.values():
        erasure.records.update(f"{instance}:{table}" for instance, table, _ in one.records)
    literals = Literals(known.values())
    erasure.left = [str(path) for path in _home_files(settings, are_ours=False) if literals.are_in_file(path)]
    erasure.governance = list(_governance_lines(literals))
    erasure.backups = [str(path) for path in _known_backups(settings)]
    return erasure, known, findings, redactor


def _republish(
    settings: Settings,
    warehouse: Warehouse,
    findings: Findings,
    redactor: Redactor,
    literals: Literals,
    on_progress: OnProgress,
) -> int:
    from orchestration.publishing.export import republish

    changed = 0

    def amend(connection: duckdb.DuckDBPyConnection) -> None:
        nonlocal changed
        changed = amend_published(connection, findings, redactor, literals)

    if not findings.amended:
        return 0
    republish(
        warehouse,
        settings.published_dir,
        amend=amend,
        manifest=settings.dbt_dir / "manifest.json",
        languages=settings.page_languages,
        on_progress=lambda what, done, of: on_progress(f"publishing: {what}", done, of),
    )
    return changed


def _empty_working_folders(settings: Settings) -> None:
    """What killed loads left, which nobody will load any more. The locks are held, so none is in use."""
    for path in sorted(settings.pipelines_dir.glob("*")):
        if path.is_dir():
            shutil.rmtree(path)
    shutil.rmtree(settings.home / ".restoring", ignore_errors=True)


def _files_with(settings: Settings, literals: Literals) -> Iterator[tuple[str, Callable[[], None]]]:
    """Files that Norte wrote and that hold one of them, each with how it is rid of them."""
    for path in _home_files(settings, are_ours=True):
        if literals.are_in_file(path):
            yield str(path.relative_to(settings.home)), _scrubber(path, literals)


def _home_files(settings: Settings, *, are_ours: bool) -> Iterator[Path]:
    """Files of the home but the warehouse, publications and backups, which are looked at in their own ways.

    Arguments:
        are_ours: those that Norte and its libraries write, or those that somebody else put there.
    """
    apart = {
        settings.published_dir,
        settings.erased_file,
        *_known_backups(settings),
        # A sandbox company's vendors and governance files.
        Demo(settings.home).world_path,
        Demo(settings.home).company_path,
    }
    ours = (settings.dagster_home, settings.dbt_dir, settings.logs_dir, settings.pipelines_dir)
    own_files = {settings.alerts_file, settings.verdict_file, settings.heartbeat_file, settings.backups_file}
    for folder, folders, names in os.walk(settings.home):
        folders[:] = sorted(name for name in folders if Path(folder) / name not in apart)
        for name in sorted(names):
            path = Path(folder) / name
            if path in apart or path.is_symlink() or name.startswith(settings.working_file.name):
                continue
            is_ours = path in own_files or any(path.is_relative_to(place) for place in ours)
            if is_ours == are_ours:
                yield path


def _scrubber(path: Path, literals: Literals) -> Callable[[], None]:
    with path.open("rb") as file:
        start = file.read(len(_SQLITE))
    if start == _SQLITE:
        return lambda: scrub_sqlite(path, literals)
    for kind in ("-wal", "-journal"):
        if path.name.endswith(kind):
            return lambda: scrub_sqlite(path.with_name(path.name.removesuffix(kind)), literals)
    return lambda: _scrub_text(path, literals)


def _scrub_text(path: Path, literals: Literals) -> None:
    """A log keeps its lines; what is no text is a cache that its library makes again."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        path.unlink()
        return
    temporary = path.with_name(f"{path.name}.erasing")
    temporary.write_text(literals.without(text), encoding="utf-8")
    shutil.copymode(path, temporary)
    temporary.replace(path)


def scrub_sqlite(path: Path, literals: Literals) -> None:
    """Replace people in every text of a SQLite file, and write it anew. Raises ConfigurationInvalid if it is
    in use.
    """
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            database.execute("pragma secure_delete = on")
            tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                _scrub_table(database, table, literals)
            database.commit()
            database.execute("vacuum")
            database.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.OperationalError as error:
        raise ConfigurationInvalid(
            f"{path} in nobody's use",
            str(error),
            "stop the service (`systemctl stop norte`) and erase again: it goes on",
        ) from None


def _scrub_table(database: sqlite3.Connection, table: str, literals: Literals) -> None:
    name = _name(table)
    columns = [row[1] for row in database.execute(f"pragma table_info({name})")]
    for column in columns:
        place = _name(column)
        found = database.execute(f"select rowid, {place} from {name} where typeof({place}) = 'text'")
        amended = [(literals.without(text), row) for row, text in found if literals.are_in(text)]
        database.executemany(f"update {name} set {place} = ? where rowid = ?", amended)


def _governance_lines(literals: Literals) -> Iterator[str]:
    """Places in the company's own files that name one of them."""
    try:
        directory = governance_directory(enabled())
    except IngestionError:
        return
    if directory is None or not directory.is_dir():
        return
    for path in sorted(directory.rglob("*")):
        if path.is_file() and ".git" not in path.parts and path.suffix in (".yml", ".yaml", ".csv"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in enumerate(lines, start=1):
                if literals.are_in(line):
                    yield f"{path.relative_to(directory)}:{number}"


def _known_backups(settings: Settings) -> list[Path]:
    """Backups of this home that are still where they were written."""
    try:
        written: list[Mapping[str, Any]] = json.loads(settings.backups_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [path for one in written if (path := Path(one["path"])).exists()]


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
