"""`norte impact`: the impact engine on files.

Belongs here: options and messages. Does not belong here: the method (`engine.py`).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

impact = typer.Typer(help="What deliveries did to metrics.", no_args_is_help=True)


@impact.callback()
def _group() -> None:
    """What deliveries did to metrics."""


@impact.command()
def evaluate(
    frames: Annotated[Path, typer.Option(help="Folder with the input frames as Parquet files.")],
    out: Annotated[Path, typer.Option(help="Parquet file for the rows of fct_delivery_impact.")],
    weekly_out: Annotated[Path | None, typer.Option(help="Parquet file for the rows by week.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="Earlier rows; verdicts frozen there stay as they are.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of DuckDB.", min=1)] = 2,
) -> None:
    """Judge every delivery on every metric."""
    from ingestion.enrichment.impact.engine import evaluate_directory
    from ingestion.enrichment.impact.frames import FramesInvalid

    console = Console(stderr=True)
    try:
        with console.status("reading the frames") as status:
            results = evaluate_directory(
                frames,
                out,
                weekly_out=weekly_out,
                previous=previous,
                threads=threads,
                on_progress=status.update,
            )
    except FramesInvalid as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    current = results.impact.to_pylist()
    counts = Counter(str(row["verdict"]) for row in current if row["is_current"])
    console.print(
        ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "no deliveries"
    )
    console.print(f"{out}", markup=False)
