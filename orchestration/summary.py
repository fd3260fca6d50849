"""What a run brought, for whoever started it.

Belongs here: the lines at the end of a command. Does not belong here: any number that is not a fact of the
run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from orchestration.job_names import BUILD_JOB
from orchestration.runs import JobResult
from orchestration.settings import Settings

SHOWN_RESOURCES = 4


def published_before(settings: Settings) -> dict[str, int]:
    """Rows of each table of the current publication; empty where there is none."""
    from orchestration.publishing.publication import read_publication

    publication = read_publication(settings.published_dir / "current")
    return {table.full_name: table.rows for table in publication.tables} if publication else {}


def print_summary(
    console: Console, results: Sequence[JobResult], before: Mapping[str, int], settings: Settings
) -> None:
    """Rows per source, tables that changed, what is held back and why, and where everything lies."""

    def say(text: str = "") -> None:
        console.print(text, highlight=False, soft_wrap=True)

    loads = {
        name: facts
        for result in results
        if result.job != BUILD_JOB
        for name, facts in result.facts.get("ingest", {}).items()
    }
    if loads:
        say("\n[bold]New rows[/]")
        for name, facts in sorted(loads.items()):
            say(f"  {name:<12} {facts['rows']:>9,}  {_largest(facts['rows_by_resource'])}{_beside(facts)}")
    build = next((result for result in results if result.job == BUILD_JOB), None)
    if build is not None:
        _print_build(say, build, before, settings)
    for result in results:
        if not result.success:
            say(f"[red]✗ {result.job} failed:[/] {escape(result.error)}")
            say(f"  its log: {result.log}")
    _print_alerts(say, settings)


def held_back_in(result: JobResult) -> list[str]:
    """Tables that the run's publication carried over or lacks."""
    facts = result.facts.get("publish", {}).get("") or {}
    return sorted([*facts.get("held_back", ()), *facts.get("missing", ())])


def _print_alerts(say: Any, settings: Settings) -> None:
    """Alerts that nobody has got."""
    from orchestration.alerts.of_home import alerter

    by_channel: dict[tuple[str, str], list[str]] = {}
    for one in alerter(settings).waiting():
        by_channel.setdefault((one.channel, one.reason), []).append(one.title)
    for (channel, reason), titles in by_channel.items():
        where = f"by the channel {channel}" if channel else "at all"
        say(f"[red]✗ not alerted {where}:[/] {escape(reason)}")
        say(f"  waiting, the next run tries again: {escape('; '.join(dict.fromkeys(titles)))}")


def _print_build(say: Any, build: JobResult, before: Mapping[str, int], settings: Settings) -> None:
    facts = build.facts.get("publish", {}).get("")
    if facts is None:
        return
    arrival = build.facts.get("arrival", {}).get("", {})
    tables: dict[str, int] = facts["tables"]
    changed = {
        name: rows - before.get(name, 0) for name, rows in tables.items() if rows != before.get(name, 0)
    }
    total = sum(tables.values())
    checks = facts["checks"] + arrival.get("checks", 0)
    say(f"\n[bold]Published[/] {len(tables)} tables with {total:,} rows; {checks} checks.")
    if before:
        grown = ", ".join(f"{name.partition('.')[2]} {delta:+,}" for name, delta in sorted(changed.items()))
        say(f"  changed: {grown or 'no table has another number of rows than before'}")
    for check in [*arrival.get("failing_checks", ()), *facts["failing_checks"]]:
        say(f"  [yellow]failing check:[/] {check}")
    tables_by_reason: dict[str, list[str]] = {}
    for table, reason in {**facts["held_back"], **facts["missing"]}.items():
        tables_by_reason.setdefault(reason, []).append(table)
    for reason, held in tables_by_reason.items():
        say(f"  [red]held back:[/] {', '.join(held)}")
        say(f"    because {escape(reason)}")
    for page, error in facts["page_errors"].items():
        say(f"  [red]page not drawn:[/] {page}: {escape(error)}")
    current = settings.published_dir / "current"
    say("\n[bold]Where it lies[/]")
    for page in facts["pages"]:
        if "/" in page and not page.endswith("/index.html"):
            continue  # further languages are told by where they start
        say(f"  page            {current / 'pages' / page}")
    say(f"  published file  {current / 'norte.duckdb'}")


def _largest(rows: Mapping[str, int]) -> str:
    """The resources with the most rows."""
    ordered = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name} {count:,}" for name, count in ordered[:SHOWN_RESOURCES])
    more = len(ordered) - SHOWN_RESOURCES
    return shown + (f", {more} more" if more > 0 else "")


def _beside(facts: Mapping[str, Any]) -> str:
    rest = [f"{facts[name]:,} {name}" for name in ("deleted", "rejected") if facts[name]]
    return f" ({', '.join(rest)})" if rest else ""
