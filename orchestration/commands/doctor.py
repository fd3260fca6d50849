"""`norte doctor`: is everything there that a run needs, and what to do where it is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.commands.ending import FAILED, ending_clearly
from orchestration.company import refuse_mixture
from orchestration.demo import Demo, served_company
from orchestration.home import environment
from orchestration.settings import Settings

if TYPE_CHECKING:
    from ingestion.probing import Finding

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(
    connections: Annotated[
        list[str] | None, typer.Argument(help="Only these connections; default: all that are on.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no vendor.")] = False,
    all_findings: Annotated[
        bool, typer.Option("--all", help="Also list what is well, one line each.")
    ] = False,
    heartbeat: Annotated[
        bool,
        typer.Option(
            "--heartbeat",
            help="Only ask whether a build published lately; alerts if not. For a timer: needs no Dagster.",
        ),
    ] = False,
) -> None:
    """Tries every connection out, and looks at the platform itself; exit code 1 if there is a problem."""
    with ending_clearly() as console:
        if heartbeat:
            _take_pulse(console)
            return
        from orchestration.examination import examine_all

        settings = Settings.load()
        refuse_mixture(settings)
        is_sandbox = Demo(settings.home).exists
        with served_company(settings) as extra:
            os.environ.update(environment(settings, extra))
            found = []
            look = examine_all(Settings.load(), dict(os.environ), connections, offline, is_sandbox)
            with console.status("looking ...") as status:
                for finding in look:
                    status.update(f"looking at {finding.about} ...")
                    found.append(finding)
        _show(console, found, all_findings)
        if any(finding.status == "problem" for finding in found):
            raise typer.Exit(FAILED)


def _take_pulse(console: Console) -> None:
    from orchestration.alerts.rules import in_hours
    from orchestration.heartbeat import take_pulse

    settings = Settings.load()
    # A sandbox company lives on its own day.
    now = settings.now or Demo(settings.home).state().now or settings.now_utc()
    pulse = take_pulse(settings, now)
    ago = f"{in_hours(now - pulse.last)} ago" if pulse.last else "never"
    words = f"last publication: {ago}; expected every {in_hours(pulse.promise)}"
    console.print(Text.assemble(_mark("problem" if pulse.is_silent else "ok"), f" {words}"), highlight=False)
    if pulse.is_silent:
        console.print("→ systemctl status norte; norte doctor; norte run", style="bold", highlight=False)
        raise typer.Exit(FAILED)


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
