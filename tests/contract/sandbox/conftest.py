"""Fixtures of the sandbox's contract tests: the tiny world, and apps over it."""

from __future__ import annotations

import pytest

from ingestion.sandbox.world.world import World
from tests.contract.sandbox.tiny import tiny_tables, write_world
from tests.contract.sandbox.wiring import Sandboxes


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("tiny") / "world", tiny_tables())


@pytest.fixture
def sandboxes(tiny_world: World) -> Sandboxes:
    return Sandboxes(tiny_world)
