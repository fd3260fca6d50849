"""Planted effects of the sandbox company, found or not: `python -m tests.bench.impact.company`.

Belongs here: the verdicts on a company whose truth is planted, against that truth. Two ways to the verdicts:
the frames derived from the world (`--frames`, minutes; the truth comparison shows that dbt builds the same),
or the whole pipeline, served, loaded, built and published (long). Does not belong here: the simulated
companies of the calibration bench (`worlds.py`).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ingestion.enrichment.impact.engine import evaluate
from ingestion.sandbox.world.company import write_company
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World
from orchestration.demo import Demo, DemoState
from tests.truth.base import Truth
from tests.truth.impact import frames

log = logging.getLogger("bench")
CLAIMS = ("improved", "worsened")
# An effect on how many are active is one on whether anybody is, too: neither a null nor of planted size.
MOVED_ALONG = {"wau_rate": "active"}


def by_frames(folder: Path, seed: int, accounts: int, months: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Verdicts on the frames that the world's truth gives."""
    generate_world(folder / "world", seed=seed, accounts=accounts, months=months)
    world = World.load(folder / "world")
    write_company(world, world.meta.as_of, folder / "company")
    truth = Truth(world, world.meta.as_of, folder / "company")
    rows = evaluate(frames(truth), weekly=False).impact.to_pandas()
    return rows, json.loads((folder / "world" / "truth.json").read_text())


def by_pipeline(folder: Path, seed: int, accounts: int, months: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Verdicts as published by `norte demo`."""
    demo = Demo(folder)
    demo.remember(DemoState(seed=seed, accounts=accounts, months=months))
    subprocess.run(
        [str(Path(sys.executable).with_name("norte")), "demo"],
        env={**os.environ, "NORTE_HOME": str(folder)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    file = folder / "published" / "current" / "norte.duckdb"
    with duckdb.connect(str(file), read_only=True) as reader:
        rows = reader.execute("select * from impact.fct_delivery_impact where is_current").df()
    return rows, json.loads((demo.world_path / "truth.json").read_text())


def judged(rows: pd.DataFrame, truth: dict[str, Any]) -> pd.DataFrame:
    """Measured cells with what was planted in them, less those that are neither planted nor free of it."""
    planted = {(effect["delivery_id"], effect["metric"]): effect["effect_rel"] for effect in truth["effects"]}
    muddled = {(delivery, MOVED_ALONG[metric]) for delivery, metric in planted if metric in MOVED_ALONG}
    known = {entry["delivery_id"] for kind in ("effects", "non_effects") for entry in truth[kind]}
    found = rows[rows.delivery_id.isin(known) & rows.verdict.isin([*CLAIMS, "no_detectable_effect"])].copy()
    cells = list(zip(found.delivery_id, found.metric, strict=True))
    found["planted"] = [planted.get(cell, 0.0) for cell in cells]
    found["is_claimed"] = found.verdict.isin(CLAIMS)
    return found[[cell not in muddled for cell in cells]]


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="7,11,23,42,101")
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--months", type=int, default=18)
    parser.add_argument("--frames", action="store_true", help="from the world's frames, without the pipeline")
    chosen = parser.parse_args()
    way = by_frames if chosen.frames else by_pipeline
    parts = []
    for seed in chosen.seeds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            rows, truth = way(Path(folder), int(seed), chosen.accounts, chosen.months)
        part = judged(rows, truth).assign(seed=seed)
        parts.append(part)
        log.info("seed %s\n%s", seed, _summary(part))
    everything = pd.concat(parts)
    log.info("all seeds\n%s", _summary(everything))
    log.info("by what was planted\n%s", _by_size(everything))


def _summary(cells: pd.DataFrame) -> str:
    nulls, planted = cells[cells.planted == 0], cells[cells.planted != 0]
    right = planted.is_claimed & (planted.effect_abs * planted.planted > 0)
    size = cells.planted.where(cells.metric == "csat", cells.planted * cells.counterfactual_value)
    covered = (cells.ci_low <= size) & (size <= cells.ci_high)
    return (
        f"  {len(nulls)} cells without an effect, {int(nulls.is_claimed.sum())} claimed; "
        f"{len(planted)} with one, {int(right.sum())} found, "
        f"{int((planted.is_claimed & ~right).sum())} with the wrong sign; "
        f"intervals that hold the truth: {covered.mean():.3f}"
    )


def _by_size(cells: pd.DataFrame) -> str:
    planted = cells[cells.planted != 0]
    table = planted.groupby(["delivery_id", "metric", "design_rung", "planted"]).agg(
        measured=("is_claimed", "size"), found=("is_claimed", "sum"), mean_effect=("effect_rel", "mean")
    )
    return str(table.to_string())


if __name__ == "__main__":
    main()
