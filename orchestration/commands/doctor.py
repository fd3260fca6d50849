"""`norte doctor`: is everything there that a run needs, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingestion.errors import ConfigurationInvalid
from ingestion.probing import Finding, examine
from ingestion.registry import Connection, connection, enabled
from orchestration.commands.ending import FAILED, ending_clearly
from orchestration.company import refuse_mixture
from orchestration.demo import Demo, served_company
from orchestration.examination import Examination
from orchestration.home import environment
from orchestration.settings import Settings

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(
    connections: Annotated[
        list[str] | None, typer.Argument(help="Only these connections; default: all that are on.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no vendor.")] = False,
    all_findings: Annotated[
        bool, typer.Option("--all", help="Also list what is well, one line each.")
    ] = False,
) -> None:
    """Tries every connection out, and looks at the platform itself; exit code 1 if there is a problem."""
    with ending_clearly() as console:
        settings = Settings.load()
        refuse_mixture(settings)
        is_sandbox = Demo(settings.home).exists
        with served_company(settings) as extra:
            os.environ.update(environment(settings, extra))
            settings = Settings.load()
            found = list(_findings(settings, connections, offline, is_sandbox, console))
        _show(console, found, all_findings)
        if any(finding.status == "problem" for finding in found):
            raise typer.Exit(FAILED)


def _findings(
    settings: Settings, names: list[str] | None, offline: bool, is_sandbox: bool, console: Console
) -> Iterable[Finding]:
    chosen = _connections(names)
    if isinstance(chosen, Finding):
        yield chosen
        chosen = []
    look = Examination(settings, chosen, dict(os.environ), is_sandbox)
    yield from look.settings_findings()
    yield from look.agreement_findings()
    yield from look.warehouse_findings()
    yield from look.dagster_findings(_instance)
    if not chosen and names is None:
        yield Finding(
            "connections",
            "enabled",
            "problem",
            "expected at least one connection that is on; there is none",
            "list them in sources.enabled of .dlt/config.toml",
        )
    for each in chosen:
        if offline and each.source.name != "governance":
            continue
        with console.status(f"trying {each.instance} ..."):
            yield from examine(each, clock=settings.now_utc)


def _connections(names: list[str] | None) -> list[Connection] | Finding:
    try:
        return [connection(name) for name in names] if names else enabled()
    except ConfigurationInvalid as error:
        return Finding(
            "connections", "enabled", "problem", f"expected {error.expected}; came {error.came}", error.remedy
        )


def _instance() -> Any:
    import dagster as dg

    return dg.DagsterInstance.get()


def _show(console: Console, found: list[Finding], all_findings: bool) -> None:
    """What is well as one line a part, what is not in full with its remedy; then the count."""
    table = Table(box=None, padding=(0, 1), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=not all_findings)
    table.add_column(overflow="fold")
    for about in dict.fromkeys(finding.about for finding in found):
        own = [finding for finding in found if finding.about == about]
        well = [finding for finding in own if finding.status == "ok"]
        if well and not all_findings:
            table.add_row(_mark("ok"), Text(about), "", Text(", ".join(finding.subject for finding in well)))
        for finding in own:
            if finding.status == "ok" and not all_findings:
                continue
            words = Text(finding.found)
            if finding.remedy:
                words.append(f"\n→ {finding.remedy}", style="bold")
            table.add_row(_mark(finding.status), Text(about), Text(finding.subject), words)
    console.print(table, highlight=False)
    counts = {status: sum(finding.status == status for finding in found) for status in _MARKS}
    rest = f"{_count(counts['warning'], 'warning')}, {_count(counts['problem'], 'problem')}"
    console.print(f"\n{counts['ok']} well, {rest}.", highlight=False)


def _mark(status: str) -> Text:
    sign, colour = _MARKS[status]
    return Text(sign, style=colour)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
