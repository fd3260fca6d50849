"""Worlds that the tests of this folder share; made once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company of 40 accounts over 5 months."""
    path: Path = tmp_path_factory.mktemp("worlds") / "small"
    generate_world(path, seed=11, accounts=40, months=5)
    return World.load(path)


@pytest.fixture(scope="session")
def year_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company of 240 accounts over 14 months: large enough to see what was planted."""
    path: Path = tmp_path_factory.mktemp("worlds") / "year"
    generate_world(path, seed=3, accounts=240, months=14)
    return World.load(path)
