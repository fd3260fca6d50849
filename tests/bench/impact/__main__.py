"""`python -m tests.bench.impact`: how far the verdicts can be trusted, measured on simulated companies."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from tests.bench.impact.measure import run_worlds, summary
from tests.bench.impact.worlds import KINDS


def main(
    accounts: Annotated[int, typer.Option(help="Accounts of each company.")] = 2_000,
    kind: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(KINDS)}; all by default.")] = None,
    seeds: Annotated[int, typer.Option(help="Companies of each kind.")] = 3,
    first_seed: Annotated[int, typer.Option(help="Seeds count from here.")] = 1,
    naive: Annotated[bool, typer.Option(help="Also the usual pictures.")] = True,
    peers: Annotated[int, typer.Option(help="Deliveries of each company on which libraries are asked.")] = 4,
    out: Annotated[Path | None, typer.Option(help="Parquet file for all cells with their truth.")] = None,
) -> None:
    """Simulate, evaluate, compare with the truth."""
    console = Console()
    warnings.filterwarnings("ignore", message="Mean of empty slice")
    cells, claims = run_worlds(
        kind or list(KINDS),
        accounts=accounts,
        seeds=range(first_seed, first_seed + seeds),
        naive=naive,
        peers=peers,
        on_progress=lambda text: console.print(text, highlight=False, style="dim"),
    )
    if out is not None:
        cells.drop(columns="overlap_delivery_ids").to_parquet(out)
    pd.set_option("display.width", 250, "display.max_columns", 40, "display.precision", 3)
    for by in (["design_rung"], ["design_rung", "kind"], ["design_rung", "metric"]):
        console.print(summary(cells, by).to_string(index=False), soft_wrap=True, highlight=False)
        console.print()
    console.print(cells["verdict"].value_counts().to_string(), highlight=False)
    if len(claims):
        none = claims[claims["planted"] == 0]
        console.print("\nThe usual pictures, and libraries: an effect claimed where there is none")
        shares = none.groupby("picture")["claimed"].agg(["mean", "size"])
        console.print(shares.to_string(), highlight=False)


if __name__ == "__main__":
    typer.run(main)
