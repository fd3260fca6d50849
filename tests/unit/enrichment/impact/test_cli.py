"""`norte impact evaluate` on a folder of files."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from typer.testing import CliRunner

from ingestion.enrichment.impact.cli import impact
from tests.bench.impact.worlds import KINDS, simulate


def test_rows_are_written_to_the_file(tmp_path: Path) -> None:
    world = simulate(KINDS["spike"], accounts=60, seed=1, weeks=50, deliveries=4)
    for name, frame in world.frames.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    out, weekly = tmp_path / "impact.parquet", tmp_path / "weekly.parquet"
    result = CliRunner().invoke(
        impact, ["evaluate", "--frames", str(tmp_path), "--out", str(out), "--weekly-out", str(weekly)]
    )
    assert result.exit_code == 0, result.output
    assert pq.read_table(out).num_rows == 20
    assert weekly.exists()


def test_a_missing_frame_ends_with_a_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        impact, ["evaluate", "--frames", str(tmp_path), "--out", str(tmp_path / "out.parquet")]
    )
    assert result.exit_code == 1
    assert "accounts.parquet" in result.output
