"""`norte sandbox generate` on the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from ingestion.sandbox.cli import sandbox
from ingestion.sandbox.world.world import World


def test_generate_writes_a_world_of_the_size_asked_for(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        sandbox,
        ["generate", "--seed", "4", "--accounts", "12", "--months", "2", "--out", str(tmp_path / "world")],
    )
    assert result.exit_code == 0, result.output
    world = World.load(tmp_path / "world")
    assert world.meta.seed == 4
    assert len(world.table("accounts")) <= 12
    assert (tmp_path / "world" / "company" / "deliveries.yml").exists()


def test_generate_refuses_a_company_that_is_too_small(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["generate", "--accounts", "2", "--out", str(tmp_path / "world")])
    assert result.exit_code != 0
    assert not (tmp_path / "world").exists()
