"""Runs a public client in its environment, and reads what it told.

Belongs here: processes, their output, comparing ids. Does not belong here: which records are expected.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.sandbox.app import vendor_classes
from ingestion.sandbox.server import SandboxServer
from tests.clients.environments import NODE, made

PATIENCE_SECONDS = 300
HERE = Path(__file__).resolve().parent


def surroundings(server: SandboxServer) -> dict[str, str]:
    """Environment of a client's process: the vendors' hosts are the sandbox, nothing else can be reached."""
    hosts = [pattern.lstrip("*") for vendor in vendor_classes().values() for pattern in vendor.hosts]
    trusted = str(server.ca_file)
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return kept | {
        "PYTHONPATH": str(HERE / "redirect"),
        "SANDBOX_TLS_PORT": str(server.tls_port),
        "SANDBOX_HOSTS": ",".join(hosts),
        "REQUESTS_CA_BUNDLE": trusted,
        "SSL_CERT_FILE": trusted,
        "NODE_EXTRA_CA_CERTS": trusted,
        "NO_PROXY": "*",
    }


@dataclass(frozen=True)
class Told:
    """What a tap wrote: the records of each stream in their order, and the last state."""

    records: Mapping[str, list[dict[str, Any]]]
    state: Any

    def values(self, stream: str, field: str = "id") -> list[str]:
        """One field of all records of a stream, as text."""
        return [str(record[field]) for record in self.records.get(stream, [])]


@dataclass(frozen=True)
class Tap:
    """A Singer tap.

    Arguments:
        client: its environment.
        command: its executable.
        catalog_flag: how it takes the catalog.
        streams: those that are selected; None selects all.
    """

    client: str
    command: str
    catalog_flag: str = "--catalog"
    streams: frozenset[str] | None = None

    def run(self, server: SandboxServer, folder: Path, config: Mapping[str, Any], state: Any = None) -> Told:
        """Discovers, selects, and reads to the end. A tap that ends with an error fails the test."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = _written(folder / "config.json", config)
        command = [str(made(self.client) / "bin" / self.command), "--config", settings]
        catalog = json.loads(_output([*command, "--discover"], server, folder))
        for stream in catalog["streams"]:
            self._select(stream)
        command += [self.catalog_flag, _written(folder / "catalog.json", catalog)]
        if state is not None:
            command += ["--state", _written(folder / "state.json", state)]
        return _read(_output(command, server, folder))

    def _select(self, stream: dict[str, Any]) -> None:
        """Taps look in different places whether a stream is wanted: its metadata, its schema, itself."""
        is_wanted = self.streams is None or stream["tap_stream_id"] in self.streams
        stream["selected"] = is_wanted
        stream["schema"]["selected"] = is_wanted
        for entry in stream.setdefault("metadata", [{"breadcrumb": [], "metadata": {}}]):
            entry["metadata"]["selected"] = is_wanted


def python(client: str, script: str, server: SandboxServer, folder: Path, asked: Mapping[str, Any]) -> Any:
    """What a script of `scripts/` says, run by the Python of a client's environment."""
    # -P: a script has its library's name and must not stand in its place.
    command = [str(made(client) / "bin" / "python"), "-P", str(HERE / "scripts" / script), json.dumps(asked)]
    return json.loads(_output(command, server, folder))


def node(script: str, server: SandboxServer, folder: Path, asked: Mapping[str, Any]) -> Any:
    """What a script of `scripts/` says, run by Node with the clients for it."""
    modules = made(NODE)
    command = ["node", "--require", str(HERE / "redirect" / "redirect.cjs"), str(HERE / "scripts" / script)]
    more = {"NODE_PATH": str(modules / "node_modules")}
    return json.loads(_output([*command, json.dumps(asked)], server, folder, more))


def assert_each_once(told: list[str], wanted: set[str]) -> None:
    """A client told each record once, and those that we have."""
    assert wanted
    found = set(told)
    assert not found - wanted, f"only the client has {sorted(found - wanted)[:20]}"
    assert not wanted - found, f"only we have {sorted(wanted - found)[:20]}"
    assert len(told) == len(found), "the client told some twice"


def _output(
    command: list[str], server: SandboxServer, folder: Path, more: Mapping[str, str] | None = None
) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=surroundings(server) | dict(more or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{Path(command[0]).name}: {done.stderr[-4000:]}"
    return done.stdout


def _read(output: str) -> Told:
    records: dict[str, list[dict[str, Any]]] = {}
    state: Any = None
    for line in output.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            records.setdefault(message["stream"], []).append(message["record"])
        elif message["type"] == "STATE":
            state = message["value"]
    return Told(records, state)


def _written(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)
