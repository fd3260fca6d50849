"""`norte sandbox generate` on the command line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from ingestion.sandbox.cli import sandbox
from ingestion.sandbox.world.generate import generate_world
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


def test_check_says_what_is_wrong_with_a_world(tmp_path: Path) -> None:
    generate_world(tmp_path / "world", seed=4, accounts=12, months=2)
    assert CliRunner().invoke(sandbox, ["check", "--world", str(tmp_path / "world")]).exit_code == 0
    (tmp_path / "world" / "tables" / "staff.parquet").unlink()
    result = CliRunner().invoke(sandbox, ["check", "--world", str(tmp_path / "world")])
    assert result.exit_code == 1
    assert "accounts.owner_staff_id" in result.output


def test_check_of_a_folder_that_is_no_world_says_how_to_make_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["check", "--world", str(tmp_path)])
    assert result.exit_code == 1
    assert "norte sandbox generate" in " ".join(result.output.split())
