"""Shows a person how a command goes on: live bars in a terminal, plain lines elsewhere.

Belongs here: drawing. Does not belong here: what happens.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from orchestration.progress import Progress as Report

PLAIN_LINE_EVERY_SECONDS = 5.0
STAGES = {
    "ingest": "loading",
    "arrival": "checking what arrived",
    "models": "building tables",
    "checks": "checking tables",
    "data_health": "data health",
    "publish": "publishing",
}


class Display:
    """Progress of one command; use it as a context.

    Arguments:
        console: where to; a terminal gets bars.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars: dict[str, TaskID] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._expected: dict[str, dict[str, int | None]] = {}
        self._spoken: dict[str, float] = {}
        self._progress = (
            Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]:<36}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(compact=True),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Display:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def step(self, name: str, done: int = 0, total: int | None = None, detail: str = "") -> None:
        """Where a step is."""
        if self._progress:
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=total, detail=detail)
            self._progress.update(self._bars[name], completed=done, total=total, detail=detail[:36])
            return
        now = time.monotonic()
        if now - self._spoken.get(name, 0.0) >= PLAIN_LINE_EVERY_SECONDS or (total and done >= total):
            self._spoken[name] = now
            count = f" {done:,}" + (f" of {total:,}" if total else "") if done else ""
            self.console.print(f"  {name}:{count} {detail}".rstrip(), highlight=False, soft_wrap=True)

    def done(self, name: str, text: str) -> None:
        """A step has ended: its bar gives way to a line."""
        if self._progress and name in self._bars:
            self._progress.remove_task(self._bars.pop(name))
        self.say(text)

    def follow(self, job: str, report: Report) -> None:
        """A report of a job's run."""
        if report.stage == "ingest":
            self._follow_rows(report)
            return
        name = STAGES.get(report.stage, report.stage)
        if report.result is None:
            self.step(name, report.done, report.total, report.subject)

    def _follow_rows(self, report: Report) -> None:
        instance, _, resource = report.subject.partition("/")
        if report.result is not None:
            facts = report.result
            self.done(
                instance,
                f"  [green]✓[/] {instance:<12} {facts['rows']:>9,} rows, {facts['requests']:,} requests, "
                f"{facts['seconds']:.0f} s",
            )
            return
        rows = self._rows.setdefault(instance, {})
        expected = self._expected.setdefault(instance, {})
        rows[resource] = max(report.done, rows.get(resource, 0))
        expected[resource] = report.total
        known = [total for total in expected.values() if total is not None]
        total = sum(known) if known and len(known) == len(expected) else None
        self.step(instance, sum(rows.values()), total, f"{sum(rows.values()):,} rows, {resource}")
