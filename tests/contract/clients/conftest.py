"""What the vendors' public clients are tried against: a generated world, on https, at the vendors' hosts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox.app import vendor_classes
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Ledger, Snapshot
from ingestion.sandbox.world.generate import generate_world
from ingestion.sandbox.world.world import World, naive_utc


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("clients") / "world"
    generate_world(folder, seed=11, accounts=30, months=3)
    return World.load(folder)


@pytest.fixture(scope="session")
def held(world: World) -> Snapshot:
    """What the world holds by its `as_of`, told without a vendor."""
    return Snapshot(Ledger(world), naive_utc(world.meta.as_of))


@pytest.fixture(scope="session")
def server(world: World) -> Iterator[SandboxServer]:
    with SandboxServer(world.path, tls=True) as running:
        yield running


@pytest.fixture(autouse=True)
def vendors_hosts(server: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendors' names lead to the sandbox, whose authority is trusted; nothing else can be reached."""
    hosts = [pattern.lstrip("*") for vendor in vendor_classes().values() for pattern in vendor.hosts]
    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if any(name == known or (known.startswith(".") and name.endswith(known)) for known in hosts):
            return ask("127.0.0.1", server.tls_port, *args, **kwargs)
        raise OSError(f"this test asked for {name}, which is no vendor's host")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
