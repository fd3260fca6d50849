"""`python -m tests.bench.ingestion [--events N] [--page FILE]`: how fast and how politely data comes in.

Writes the page beside this file. Ends with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from tests.bench.ingestion import making, measure
from tests.bench.ingestion.measure import Measured
from tests.bench.ingestion.serving import DAYS

PAGE = Path(__file__).with_name("README.md")
ISSUES = 5_000
PARTS = ("politeness", "events", "issues", "taps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="size of the larger load of events")
    parser.add_argument("--accounts", type=int, default=100, help="size of the company that taps read too")
    parser.add_argument("--months", type=int, default=18)
    parser.add_argument("--page", type=Path, default=PAGE, help="where the results are written")
    parser.add_argument("--note", default="", help="a sentence for the page, as on the machine")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="parts; then no page is made")
    given = parser.parse_args()
    large = given.events // DAYS * DAYS
    small = large // 4 // DAYS * DAYS
    found: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="norte-bench-") as name:
        folder = Path(name)
        if "politeness" in given.only:
            found += _say(measure.politeness())
        if "events" in given.only:
            files = {str(count): making.events(folder / f"files-{count}", count) for count in (small, large)}
            found += _say(measure.events(folder, files))
        if "issues" in given.only:
            file = making.issues(folder / "issues.jsonl", ISSUES)
            found += _say(measure.issues(folder, file, ISSUES))
        if "taps" in given.only:
            found += _say(_on_the_sandbox(folder, given.accounts, given.months))
    if set(given.only) == set(PARTS):
        given.page.write_text(_page(found, given.note), encoding="utf-8")
    sys.exit(0 if all(one.holds for one in found) else 1)


def _on_the_sandbox(folder: Path, accounts: int, months: int) -> list[Measured]:
    """Of a small company and a large one, whose last records are some hours old: taps read the clock."""
    as_of = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)
    sizes = {"small": (max(10, accounts // 10), 3), "large": (accounts, months)}
    worlds = []
    for name, (of_accounts, of_months) in sizes.items():
        path = folder / f"world-{name}"
        generate_world(path, accounts=of_accounts, months=of_months, as_of=as_of, horizon_days=1)
        worlds.append(World.load(path))
    return measure.on_the_sandbox(folder / "sandbox", *worlds)


def _say(found: Iterable[Measured]) -> list[Measured]:
    kept = list(found)
    for one in kept:
        sys.stdout.write(f"{'ok   ' if one.holds else 'MISS '}{one.name}: {_shown(one)} ({one.detail})\n")
    sys.stdout.flush()
    return kept


def _shown(one: Measured) -> str:
    return f"{one.value:.2f}{one.unit}, bar {_bar(one)}"


def _bar(one: Measured) -> str:
    return f"{'≥' if one.is_at_least else '≤'} {one.bar:g}{one.unit}"


def _page(found: Iterable[Measured], note: str) -> str:
    rows = "".join(
        f"| {one.name} | {one.value:.2f}{one.unit} | {_bar(one)} | {'yes' if one.holds else '**no**'} | "
        f"{one.detail} |\n"
        for one in found
    )
    return f"""# Ingestion: how fast and how politely

`make bench-ingestion` measures and writes this page. Each value is a ratio of two things in one run, or an
amount of one process; servers run in processes of their own and are not counted. Where work is compared it is
CPU seconds of whole fresh processes, where waiting is compared it is the clock. {note}

With taps it is what a larger company costs beyond a smaller one: the same records, theirs written down and
ours loaded into a warehouse, in more rows since lists are told item by item. Both speak TLS, ours loads only
the resources that the tap reads too, and the best of some tries counts.

| what | came out | bar | holds | of |
|---|---|---|---|---|
{rows}"""


if __name__ == "__main__":
    main()
