"""What is measured, each as a ratio with its bar.

Belongs here: the measures. Does not belong here: writing them down (`__main__.py`).

Processes are compared by the CPU seconds that they used, since a machine that does other things too makes the
seconds on the clock mean little; where waiting is what is measured, it is the clock. Servers are processes of
their own and do not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ingestion.http import HttpClient, Pacer, RetryPolicy
from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.world.world import World
from tests.bench.ingestion.serving import DAYS, FIRST_DAY, Shape, served
from tests.clients.environments import made
from tests.clients.running import surroundings
from tests.clients.test_taps import zendesk_token

NOW = datetime(2026, 9, 29, 6, tzinfo=UTC)
PAGES, PAGE_SECONDS, IN_FLIGHT = 200, 0.05, 10
LIMITED, PER_SECOND = 120, 20
# Of loads that are compared: the less each takes, the more. Zendesk's limits make each of its take a minute.
_TRIES = {"jira": 4, "zendesk": 2}
VENDORS = ("hubspot", "zendesk", "mixpanel", "jira")


@dataclass(frozen=True)
class Measured:
    """One line of the page.

    Arguments:
        value: to be held against `bar`, at most or at least.
        detail: what it is made of.
    """

    name: str
    value: float
    bar: float
    detail: str
    is_at_least: bool = False
    unit: str = "x"

    @property
    def holds(self) -> bool:
        return self.value >= self.bar if self.is_at_least else self.value <= self.bar


@dataclass(frozen=True)
class Used:
    """What a process used: CPU seconds, and megabytes at most."""

    cpu: float
    memory: float


def fresh(name: str, given: Mapping[str, Any], env: Mapping[str, str] | None = None, *command: str) -> Used:
    """What a fresh process uses: one of `child.py`, or `command`."""
    run = list(command) or [sys.executable, "-m", "tests.bench.ingestion.child", name, json.dumps(given)]
    process = subprocess.Popen(run, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"expected {name} to come to its end; it ended with {process.returncode}, see above"
        )
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def events(folder: Path, counts: Mapping[str, Path]) -> list[Measured]:
    """Events to committed raw rows, over HTTP and from a file, against DuckDB reading the same files; memory
    of two sizes.

    Arguments:
        counts: folders of event files by their number of events as text, the smaller first.
    """
    bare = fresh("nothing", {})
    found: dict[str, tuple[Used, Used, Used]] = {}
    for count, files in counts.items():
        least = fresh("limit", {"database": str(folder / f"{count}.db"), "files": str(files / "*.jsonl")})
        with served(Shape(events=files)) as url:
            used = _loaded_events("load", folder / f"events-{count}", int(count), {}, url)
            joined = folder / f"{count}.jsonl"
            with joined.open("wb") as whole:
                for file in sorted(files.glob("*.jsonl")):
                    whole.write(file.read_bytes())
            read = _loaded_events(
                "load_file", folder / f"file-{count}", int(count), {"file": str(joined)}, url
            )
            joined.unlink()
        found[count] = (used, read, least)
    small, large = counts
    first, (used, read, least) = found[small][0], found[large]
    limit = least.cpu - bare.cpu
    return [
        Measured(
            "events over HTTP to raw rows, against DuckDB reading the same files",
            used.cpu / limit,
            2.5,
            f"{int(large):,} events: {used.cpu:.1f} s of CPU against {limit:.1f} s",
        ),
        Measured(
            "events of a file to raw rows, against the same",
            read.cpu / limit,
            2.0,
            f"{int(large):,} events: {read.cpu:.1f} s of CPU against {limit:.1f} s",
        ),
        Measured("peak memory of that load", used.memory, 1024, f"{int(large):,} events", unit=" MB"),
        Measured(
            "peak memory against a load of a fraction of the size",
            used.memory / first.memory,
            1.25,
            f"{int(large):,} events: {used.memory:.0f} MB; {int(small):,}: {first.memory:.0f} MB",
        ),
    ]


def _loaded_events(name: str, home: Path, count: int, given: Mapping[str, Any], url: str) -> Used:
    env = {
        "SOURCES__MIXPANEL__DATA_BASE_URL": url,
        "SOURCES__MIXPANEL__API_BASE_URL": url,
        "SOURCES__MIXPANEL__USERNAME": "name",
        "SOURCES__MIXPANEL__SECRET": "secret",
        "SOURCES__MIXPANEL__PROJECT_ID": "1",
        "SOURCES__MIXPANEL__START_ON": FIRST_DAY.isoformat(),
    }
    now = datetime.combine(FIRST_DAY, datetime.min.time(), UTC) + timedelta(days=DAYS, hours=1)
    used = fresh(name, {"sources": ["mixpanel"], "home": str(home), "now": now.isoformat(), **given}, env)
    if (rows := _count(home, "raw_mixpanel.events")) != count:
        raise RuntimeError(f"expected {count} events in raw, came {rows}")
    return used


def issues(folder: Path, file: Path, count: int) -> list[Measured]:
    """Issues to raw, against DuckDB reading the same file; what a load of none uses is taken off.

    Three times, of which the middle one counts: a load of so few is short beside a start.
    """
    rounds = sorted(
        (_issues_once(folder / str(number), file, count) for number in range(3)),
        key=lambda used: used[0] / used[1],
    )
    ours, limit = rounds[1]
    return [
        Measured(
            "Jira issues over HTTP to raw rows, against DuckDB reading the same file",
            ours / limit,
            4.0,
            f"{count:,} issues: {ours:.2f} s of CPU against {limit:.2f} s",
        )
    ]


def _issues_once(folder: Path, file: Path, count: int) -> tuple[float, float]:
    """CPU seconds of our load and of DuckDB's, without their starts."""
    folder.mkdir()
    bare = fresh("nothing", {})
    least = fresh("limit", {"database": str(folder / "issues.db"), "files": str(file)})
    env = {"SOURCES__JIRA__EMAIL": "name", "SOURCES__JIRA__API_TOKEN": "secret"}
    given: dict[str, Any] = {"sources": ["jira"], "now": NOW.isoformat()}
    with served(Shape(issues=file)) as url:
        used = fresh("load", given | {"home": str(folder / "issues")}, env | {"SOURCES__JIRA__BASE_URL": url})
    none = folder / "none.jsonl"
    none.write_text("")
    with served(Shape(issues=none)) as url:
        idle = fresh("load", given | {"home": str(folder / "none")}, env | {"SOURCES__JIRA__BASE_URL": url})
    rows = _count(folder / "issues", "raw_jira.issues")
    if rows != count:
        raise RuntimeError(f"expected {count} issues in raw, came {rows}")
    return used.cpu - idle.cpu, least.cpu - bare.cpu


def politeness() -> list[Measured]:
    """A limited vendor against the ideal, and pages that take their time, several in flight."""
    policy = RetryPolicy(attempts=3, wait_budget_seconds=60)
    statuses: list[int] = []
    pacer = Pacer(PER_SECOND, 1.0)
    with served(Shape(limit_per_second=PER_SECOND)) as url, _client(url, policy, statuses, pacer) as client:
        began = time.monotonic()
        list(client.map(lambda at: client.get_json("limited"), range(LIMITED), workers=IN_FLIGHT))
        took = time.monotonic() - began
    refused = sum(status == 429 for status in statuses)
    with served(Shape(delay_seconds=PAGE_SECONDS)) as url, _client(url, policy, []) as client:
        began = time.monotonic()
        list(client.map(lambda at: client.get_json("pages", {"at": at}), range(PAGES), workers=IN_FLIGHT))
        paged = time.monotonic() - began
    ideal, pages = LIMITED / PER_SECOND, PAGES * PAGE_SECONDS / IN_FLIGHT
    return [
        Measured(
            "a rate-limited vendor against the ideal",
            took / ideal,
            1.05,
            f"{LIMITED} requests at {PER_SECOND} a second: {took:.2f} s against {ideal:.1f} s",
        ),
        Measured("its refusals", refused, 0, "answers of 429", unit=""),
        Measured(
            f"{PAGES} pages at {PAGE_SECONDS * 1000:.0f} ms, {IN_FLIGHT} in flight, against the ideal",
            paged / pages,
            2.0,
            f"{paged:.2f} s against {pages:.1f} s",
        ),
    ]


def _client(url: str, policy: RetryPolicy, statuses: list[int], pacer: Pacer | None = None) -> HttpClient:
    options: dict[str, Any] = {"pacer": pacer} if pacer else {}
    return HttpClient(url, source="bench", policy=policy, on_request=statuses.append, **options)


@dataclass(frozen=True)
class _Read:
    """What reading a company used, and how many records came."""

    cpu: float
    records: int


def on_the_sandbox(folder: Path, small: World, large: World) -> list[Measured]:
    """The records of two taps, and what they cost us up to a warehouse; then a run of all without news.

    Of two companies, so that what is compared is what more records cost: a start, a discovery and the making
    of tables are the same for both. Both speak TLS, and of some tries each the best counts: what else the
    machine does only ever adds.
    """
    # Taps read the clock, and try their access by asking for what is new this moment.
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=15)
    ours: dict[str, list[float]] = {vendor: [] for vendor in _STREAMS}
    theirs: dict[str, list[_Read]] = {vendor: [] for vendor in _STREAMS}
    without_news = Used(0.0, 0.0)
    for world in (small, large):
        place = folder / world.path.name
        with SandboxServer(world.path, now, tls=True, scenario="generous") as server:
            around = surroundings(server)
            for vendor, flag, config in (
                ("jira", "--properties", _jira()),
                ("zendesk", "--catalog", _zendesk(server)),
            ):
                tap = _Tap(place / f"tap-{vendor}", f"tap-{vendor}", flag, _STREAMS[vendor])
                theirs[vendor].append(tap.run(config, around, _TRIES[vendor]))
                env = server.env() | around | {f"SOURCES__{vendor.upper()}__BASE_URL": _HOSTS[vendor]}
                ours[vendor].append(_first_load(vendor, place / f"ours-{vendor}", now, env))
            if world is large:
                without_news = _without_news(place / "vendors", now, server.env())
    return [
        *(_compared(f"tap-{vendor}", ours[vendor], theirs[vendor]) for vendor in _STREAMS),
        Measured(
            "a run of all vendors without news, in a fresh process",
            without_news.cpu,
            3.0,
            f"{', '.join(VENDORS)}: {without_news.cpu:.2f} s of CPU",
            unit=" s",
        ),
    ]


def _first_load(vendor: str, folder: Path, now: datetime, env: Mapping[str, str]) -> float:
    """CPU seconds of a first load of what the tap reads."""
    homes = [folder / str(number) for number in range(_TRIES[vendor])]
    given = {"sources": [vendor], "now": now.isoformat(), "resources": _RESOURCES[vendor]}
    return min(fresh("load_same", given | {"home": str(home)}, env).cpu for home in homes)


def _without_news(home: Path, now: datetime, env: Mapping[str, str]) -> Used:
    """A second run, at a later moment: that nothing is new is committed too."""
    given = {"sources": list(VENDORS), "home": str(home)}
    fresh("load", given | {"now": now.isoformat()}, env)
    return fresh("load", given | {"now": (now + timedelta(seconds=30)).isoformat()}, env)


def _jira() -> dict[str, Any]:
    return {
        "username": credentials.JIRA_EMAIL,
        "password": credentials.JIRA_API_TOKEN,
        "base_url": _HOSTS["jira"],
        "user_agent": "bench",
    }


def _zendesk(server: SandboxServer) -> dict[str, Any]:
    return {"subdomain": credentials.ZENDESK_SUBDOMAIN, "access_token": zendesk_token(server)}


# Streams whose every record we hold too, and what holds it.
_STREAMS = {
    "jira": frozenset({"issues", "changelogs", "projects", "versions", "users"}),
    "zendesk": frozenset(
        {"tickets", "ticket_comments", "ticket_metrics", "users", "organizations", "groups"}
    ),
}
_HOSTS = {
    "jira": f"https://{credentials.JIRA_SITE}.atlassian.net",
    "zendesk": f"https://{credentials.ZENDESK_SUBDOMAIN}.zendesk.com",
}
_RESOURCES = {
    "jira": ["issues", "issue_changes", "projects", "versions", "users"],
    "zendesk": ["tickets", "ticket_comments", "ticket_metrics", "users", "organizations", "groups"],
}


def _compared(tap: str, ours: Sequence[float], theirs: Sequence[_Read]) -> Measured:
    """The tap's records over either's CPU.

    Ours lie in more rows, as lists are told item by item: no reason to count more.
    """
    used = ours[1] - ours[0]
    told, taken = theirs[1].records - theirs[0].records, theirs[1].cpu - theirs[0].cpu
    return Measured(
        f"further records of {tap} a CPU second, up to the warehouse, against it, which writes them down",
        taken / used,
        5.0,
        f"{told:,} more in {used:.2f} s more of CPU against {taken:.2f} s",
        is_at_least=True,
    )


class _Tap:
    """A tap that reads some of its streams."""

    def __init__(self, folder: Path, client: str, catalog_flag: str, streams: frozenset[str]) -> None:
        self._folder, self._client, self._flag, self._streams = folder, client, catalog_flag, streams

    def run(self, config: Mapping[str, Any], env: Mapping[str, str], tries: int) -> _Read:
        """What reading used, and how many records it told; its discovery is not counted."""
        self._folder.mkdir(parents=True)
        written = self._folder / "config.json"
        written.write_text(json.dumps({"start_date": "2020-01-01T00:00:00Z", **config}))
        command = f"{made(self._client) / 'bin' / self._client} --config {written}"
        catalog_file, output = self._folder / "catalog.json", self._folder / "output.jsonl"
        self._shell(f"{command} --discover > {catalog_file}", env)
        catalog = json.loads(catalog_file.read_text())
        for stream in catalog["streams"]:
            is_wanted = stream["tap_stream_id"] in self._streams
            stream["schema"]["selected"] = is_wanted
            for entry in stream.setdefault("metadata", []):
                entry["metadata"]["selected"] = is_wanted
        catalog_file.write_text(json.dumps(catalog))
        sync = f"{command} {self._flag} {catalog_file} > {output}"
        cpu = min(self._shell(sync, env).cpu for _ in range(tries))
        with output.open() as lines:
            return _Read(cpu, sum(json.loads(line)["type"] == "RECORD" for line in lines))

    def _shell(self, command: str, env: Mapping[str, str]) -> Used:
        return fresh(self._client, {}, env, "sh", "-c", f"exec {command} 2>> {self._folder / 'errors.txt'}")


def _count(home: Path, table: str) -> int:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as opened:
        row = opened.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
