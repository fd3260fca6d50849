"""One server for all tests of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestion.warehouses.postgres import PostgresWarehouse
from tests.postgres.server import PASSWORD, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    made = Server()
    try:
        yield made.make()
    finally:
        made.remove()


@pytest.fixture
def warehouse(server: Server) -> PostgresWarehouse:
    return PostgresWarehouse(server.address, password=PASSWORD)
