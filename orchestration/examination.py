"""Is the platform itself well: settings, files, warehouse, disk, what is running.

Belongs here: what is looked at besides the connections, each with its remedy. Does not belong here: asking
vendors (`ingestion/probing.py`), drawing (`commands/doctor.py`).
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ingestion.erasure.register import read_register
from ingestion.errors import ConfigurationInvalid, IngestionError, SourceError
from ingestion.probing import Finding, examine
from ingestion.registry import Connection, connection, enabled, settings_of
from ingestion.warehouse import Examined, Session
from ingestion.warehouses.duckdb import lock_holder
from orchestration.alerts.of_home import alerter, routes
from orchestration.alerts.routing import AlertsFileError
from orchestration.company import CompanyFolder, exposed, overridden
from orchestration.home import prepare
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings
from orchestration.setup import PROJECT_CONFIG

SHORT_SECRET = 32
LEAST_FREE_BYTES = 1 << 30
# A rewrite of the warehouse (compact, restore) needs its size once more, a load its spill beside that.
ROOM = 2
_LINKS = ("crm_link_base", "support_link_base", "delivery_link_base")


@dataclass(frozen=True)
class Examination:
    """One look at a home.

    Arguments:
        settings: of this process.
        connections: those that are on.
        environment: of this process.
        is_sandbox: whether this home is the sandbox company's.
    """

    settings: Settings
    connections: Sequence[Connection]
    environment: Mapping[str, str]
    is_sandbox: bool

    def settings_findings(self) -> Iterator[Finding]:
        """The NORTE_ settings and the files they come from."""
        settings = self.settings
        secret = settings.person_key_secret.get_secret_value()
        if not secret:
            yield _problem(
                "settings",
                "person keys",
                "expected NORTE_PERSON_KEY_SECRET; it is not set",
                "set it in norte.env (`openssl rand -hex 32`), keep a copy, never change it",
            )
        elif len(secret) < SHORT_SECRET and not self.is_sandbox:
            yield _warning(
                "settings",
                "person keys",
                f"expected {SHORT_SECRET} characters or more; the secret has {len(secret)}: easily guessed",
                "before the first run, set a longer one; later, keys would change",
            )
        else:
            yield _ok("settings", "person keys", "the secret is set")
        if settings.now is not None and not self.is_sandbox:
            yield _warning(
                "settings",
                "now",
                f"expected the clock; NORTE_NOW stands still at {settings.now:%Y-%m-%d %H:%M} UTC",
                "remove NORTE_NOW, unless this is a rehearsal: schedules are off while it is set",
            )
        if not settings.own_email_domains:
            yield _warning(
                "settings",
                "own staff",
                "expected the company's e-mail domains; NORTE_OWN_EMAIL_DOMAINS is empty",
                "set it, else the company's own people count as customers",
            )
        yield from self._alerts()
        yield from self._erasures()
        unset = [name for name in _LINKS if name not in settings.model_fields_set]
        if unset and not self.is_sandbox:
            yield _warning(
                "settings",
                "links",
                f"expected the company's own addresses; {', '.join(unset)} lead to an example",
                f"set {', '.join(f'NORTE_{name.upper()}' for name in unset)}",
            )
        if settings.company is not None:
            yield from self._folder(CompanyFolder(settings.company))

    def _alerts(self) -> Iterator[Finding]:
        settings = self.settings
        try:
            found = routes(settings)
        except AlertsFileError as error:
            what, _, remedy = str(error).partition(" What to do: ")
            yield _problem("settings", "alerts", what, remedy or f"correct {settings.routes_file}")
            return
        if not found.channels and not self.is_sandbox:
            yield _warning(
                "settings",
                "alerts",
                f"expected a channel; {settings.routes_file} has none, so nobody is told of failures",
                "add a webhook or another address of apprise, and name it as default",
            )
        elif not found.default and not self.is_sandbox:
            yield _warning(
                "settings",
                "alerts",
                "expected a default channel; owners without a route are told nothing",
                f"name one in {settings.routes_file}",
            )
        elif found.channels:
            yield _ok(
                "settings", "alerts", f"{len(found.channels)} channels, {len(found.owners)} owners' routes"
            )
        waiting = alerter(settings).waiting()
        if waiting:
            oldest = min(one.since for one in waiting)
            yield _warning(
                "settings",
                "alerts not taken",
                f"expected every alert to be taken; {len(waiting)} wait since {oldest:%Y-%m-%d %H:%M} UTC: "
                + ", ".join(sorted({f"{one.channel or 'alerts.yml'} ({one.reason})" for one in waiting})),
                "correct the channel's address; the next run sends them",
            )

    def _erasures(self) -> Iterator[Finding]:
        settings = self.settings
        try:
            people = read_register(settings.erased_file, settings.person_key_secret.get_secret_value()).people
        except IngestionError as error:
            what, _, remedy = str(error).partition(". What to do: ")
            yield _problem("settings", "erased people", what, remedy)
            return
        if any(not person.is_done for person in people):
            yield _problem(
                "settings",
                "erased people",
                "expected every erasure to have come to its end; one was stopped",
                "`norte erase` goes on with it",
            )
        elif people:
            yield _ok("settings", "erased people", f"{len(people)} are kept out of every load")

    def _folder(self, folder: CompanyFolder) -> Iterator[Finding]:
        readable = exposed((folder.env_file, folder.secrets_file))
        for path in readable:
            yield _warning(
                "settings",
                path.name,
                "expected a file for its owner only; others may read it",
                f"chmod 600 {path}",
            )
        if not readable:
            yield _ok("settings", "secrets", "files are readable by their owner only")
        for name in overridden(folder, self.environment):
            yield _warning(
                "settings",
                name,
                f"expected the value of {folder.env_file.name}; the environment says another, which wins",
                f"`unset {name}`, or make both the same",
            )
        try:
            ours = tomllib.loads(folder.config_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield _problem(
                "settings",
                "config.toml",
                f"expected a configuration that can be read; came: {error}",
                f"correct {folder.config_file}",
            )
            return
        wanted = tomllib.loads(PROJECT_CONFIG.read_text(encoding="utf-8"))
        changed = [name for name in wanted if name != "sources" and wanted[name] != ours.get(name)]
        if changed:
            yield _problem(
                "settings",
                "config.toml",
                f"expected the sections {', '.join(changed)} as the program needs them; they differ",
                f"copy them from {PROJECT_CONFIG} to {folder.config_file}",
            )

    def agreement_findings(self) -> Iterator[Finding]:
        """What is said in two places: the governance files and the settings."""
        directory = governance_directory(self.connections)
        if directory is None:
            return
        calendars = _document(directory / "calendars.yml")
        yield from self._fiscal_years(calendars)
        zone = calendars.get("time_zone")
        if zone and zone != self.settings.time_zone:
            yield _problem(
                "settings",
                "time zone",
                f"expected one zone; NORTE_TIME_ZONE is {self.settings.time_zone}, calendars.yml says {zone}",
                "make both the same: days, weeks and calendars are cut in it",
            )
        else:
            yield _ok("settings", "time zone", self.settings.time_zone)
        named = {
            name: value
            for section in _document(directory / "mappings.yml").values()
            if isinstance(section, dict)
            for name, value in section.items()
            if isinstance(value, str)
        }
        for each in self.connections:
            try:
                settings = settings_of(each)
            except SourceError:
                continue
            for name, value in named.items():
                theirs = getattr(settings, name, value)
                if isinstance(theirs, str) and theirs != value:
                    yield _warning(
                        each.instance,
                        name,
                        f"expected one name; mappings.yml says {value!r}, sources.{each.instance} {theirs!r}",
                        "make both the same; what is loaded follows the connection's settings",
                    )

    def _fiscal_years(self, calendars: Mapping[str, Any]) -> Iterator[Finding]:
        listed = calendars.get("fiscal_years")
        years = [year.get("starts_on") for year in listed or [] if isinstance(year, dict)]
        starts = [start for start in years if isinstance(start, date)]
        begins = self.settings.analytics_starts_on
        if not starts:
            yield _warning(
                "settings",
                "fiscal years",
                "expected fiscal_years in calendars.yml; there are none",
                "add them: money in several currencies has no exchange rate without",
            )
        elif min(starts) > begins:
            yield _warning(
                "settings",
                "fiscal years",
                f"expected years back to the first day of data; they begin {min(starts)}, and "
                f"NORTE_ANALYTICS_STARTS_ON is {begins}",
                "add to calendars.yml the years since the oldest contract, deal or event: what lies before "
                "the first has neither dates nor exchange rates, and is held back",
            )

    def warehouse_findings(self) -> Iterator[Finding]:
        """The home's disk, the warehouse, who holds it."""
        settings = self.settings
        place = _existing(settings.working_file.parent)
        try:
            with tempfile.NamedTemporaryFile(dir=place, prefix=".norte-doctor-"):
                pass
            yield _ok("warehouse", "folder", f"{place} can be written")
        except OSError as error:
            yield _problem(
                "warehouse",
                "folder",
                f"expected to write to {place}; came: {error.strerror}",
                "give the user its rights, or set NORTE_HOME to a folder of their own",
            )
        yield from self._disk(place)
        for one in warehouse_of(settings).examine(_content):
            yield Finding("warehouse", one.subject, one.level, one.found, one.remedy)
        yield from self._loads()

    def _disk(self, place: Path) -> Iterator[Finding]:
        free = shutil.disk_usage(place).free
        file = self.settings.working_file
        size = file.stat().st_size if file.exists() else 0
        needed = max(LEAST_FREE_BYTES, ROOM * size)
        words = f"{free / 1e9:.1f} GB free, the warehouse has {size / 1e9:.1f} GB"
        if free < LEAST_FREE_BYTES // 4:
            yield _problem(
                "warehouse", "disk", f"expected {needed / 1e9:.1f} GB free; {words}", "free some space"
            )
        elif free < needed:
            yield _warning(
                "warehouse",
                "disk",
                f"expected {needed / 1e9:.1f} GB free; {words}",
                "free some space, or move NORTE_HOME: `norte compact` and backups need it",
            )
        else:
            yield _ok("warehouse", "disk", words)

    def _loads(self) -> Iterator[Finding]:
        folder = self.settings.pipelines_dir
        running = [path.stem for path in sorted(folder.glob("*.lock")) if lock_holder(path) is not None]
        if running:
            yield _ok("warehouse", "runs", f"loading now: {', '.join(running)}")

    def dagster_findings(self, instance: Callable[[], Any]) -> Iterator[Finding]:
        """Runs that a kill left open, and what they hold.

        Arguments:
            instance: opens Dagster's instance; called only where there is one.
        """
        if not (self.settings.dagster_home / "history").exists():
            yield _ok("dagster", "instance", "none yet: the first command makes it")
            return
        from orchestration.runs import abandoned

        prepare(self.settings)
        with instance() as opened:
            left = abandoned(opened)
            held = opened.event_log_storage.get_concurrency_info("warehouse")
        if left:
            yield _warning(
                "dagster",
                "runs",
                f"expected runs with a living process; {len(left)} were killed and still look started",
                "nothing: the next `norte run` closes them and frees what they hold",
            )
        else:
            yield _ok("dagster", "runs", "none left open by a kill")
        taken = len(getattr(held, "active_run_ids", ()) or ())
        yield _ok("dagster", "pool", f"`warehouse`: {taken} taken" if taken else "`warehouse`: free")


def examine_all(
    settings: Settings,
    environment: Mapping[str, str],
    names: Sequence[str] | None,
    is_offline: bool,
    is_sandbox: bool,
) -> Iterator[Finding]:
    """Everything that there is to look at: the platform, then each connection.

    Arguments:
        names: of connections; None: all that are on.
        is_offline: ask no vendor.
        is_sandbox: whether this home is the sandbox company's.
    """
    try:
        chosen = [connection(name) for name in names] if names else enabled()
        if not chosen:
            yield _problem(
                "connections",
                "enabled",
                "expected at least one connection that is on; there is none",
                "list them in sources.enabled of .dlt/config.toml",
            )
    except ConfigurationInvalid as error:
        chosen = []
        yield _problem(
            "connections", "enabled", f"expected {error.expected}; came {error.came}", error.remedy
        )
    look = Examination(settings, chosen, environment, is_sandbox)
    yield from look.settings_findings()
    yield from look.agreement_findings()
    yield from look.warehouse_findings()
    yield from look.dagster_findings(_instance)
    # Also when only one connection is asked for: what is on says where the files are.
    directory = governance_directory(chosen) or governance_directory(_enabled())
    mappings = _document(directory / "mappings.yml") if directory else {}
    for each in chosen:
        if not is_offline or each.source.name == "governance":
            yield from examine(each, clock=settings.now_utc, mappings=mappings)


def _enabled() -> list[Connection]:
    try:
        return enabled()
    except ConfigurationInvalid:
        return []


def _instance() -> Any:
    import dagster as dg

    return dg.DagsterInstance.get()


def governance_directory(connections: Sequence[Connection]) -> Path | None:
    """Where the governance files lie; None where the connections do not say."""
    for each in connections:
        if each.source.name == "governance":
            try:
                return Path(settings_of(each).directory).expanduser()
            except SourceError:
                return None
    return None


def _content(session: Session) -> Iterator[Examined]:
    """What lies in the warehouse, as far as it is worth a word."""
    if len(kinds_of_data(session)) > 1:
        yield Examined(
            "data",
            "problem",
            "expected real or sandbox data; the warehouse holds both",
            "`norte restore` a backup from before, or start over with another warehouse",
        )
    if unfinished := unfinished_rows(session):
        yield Examined(
            "loads", "ok", f"{unfinished:,} rows of stopped loads; they do not count, the next run clears"
        )


def kinds_of_data(session: Session) -> set[bool]:
    """Whether loads of the open warehouse brought sandbox data (True), real data (False), or both."""
    kinds: set[bool] = set()
    for schema in _raw_schemas_with(session, "load_audit"):
        found = session.rows(f"select distinct is_sandbox from {schema}.load_audit")
        kinds |= {kind for (kind,) in found if kind is not None}
    return kinds


def completed_loads(session: Session) -> int:
    """Loads of the open warehouse that came to their end."""
    count = 0
    for schema in _raw_schemas_with(session, "_dlt_loads"):
        count += int(session.rows(f"select count(*) from {schema}._dlt_loads where status = 0")[0][0])
    return count


def unfinished_rows(session: Session) -> int:
    """Audit rows of loads that never completed."""
    count = 0
    for schema in _raw_schemas_with(session, "load_audit"):
        if schema not in _raw_schemas_with(session, "_dlt_loads"):
            continue
        found = session.rows(
            f"select coalesce(sum(row_count), 0) from {schema}.load_audit where _dlt_load_id not in "
            f"(select load_id from {schema}._dlt_loads where status = 0)"
        )
        count += int(found[0][0])
    return count


def _raw_schemas_with(session: Session, table: str) -> list[str]:
    return [schema for schema in session.schemas("raw_") if table in session.columns(schema)]


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _document(path: Path) -> dict[str, Any]:
    """A governance file as it is; what is wrong with it is the prober's to say."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _ok(about: str, subject: str, found: str) -> Finding:
    return Finding(about, subject, "ok", found)


def _warning(about: str, subject: str, found: str, remedy: str) -> Finding:
    return Finding(about, subject, "warning", found, remedy)


def _problem(about: str, subject: str, found: str, remedy: str) -> Finding:
    return Finding(about, subject, "problem", found, remedy)
