"""Runs the sandbox: as this process (`run`), or as a process of its own that a caller holds
(`SandboxServer`).

Belongs here: listening, ports, TLS, start and stop. Does not belong here: anything about a request.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from ingestion.sandbox.credentials import connection_env

START_SECONDS = 60.0


class SandboxServerError(RuntimeError):
    """The sandbox did not start, or did not do what it was asked."""


def run(
    world_path: Path,
    now: datetime | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls_port: int | None = None,
    tls_folder: Path | None = None,
    scenario: str | Path | dict[str, Any] | None = None,
    on_ready: Callable[[dict[str, Any]], None] | None = None,
    lives_with_stdin: bool = False,
) -> None:
    """Serve a world until SIGINT or SIGTERM.

    Arguments:
        now: the world's `as_of` by default.
        port, tls_port: 0 takes a free one; no TLS when `tls_port` is None.
        tls_folder: where the authority and the certificate are written; needed with `tls_port`.
        scenario: a scenario's name, file or content.
        on_ready: called with `port`, `tls_port`, `ca_file` once it listens.
        lives_with_stdin: end when standard input closes, so that a killed parent leaves no server behind.

    Raises:
        WorldError, ScenarioError: what is to be served cannot be read.
        OSError: the port is taken.
    """
    from ingestion.sandbox.app import create_app, vendor_classes
    from ingestion.sandbox.scenario import Scenario
    from ingestion.sandbox.world.world import World

    world = World.load(world_path)
    chosen = None
    if scenario is not None:
        chosen = Scenario.read(scenario) if isinstance(scenario, dict) else Scenario.load(scenario)
    app = create_app(world, now or world.meta.as_of, chosen)
    ready: dict[str, Any] = {"port": None, "tls_port": None, "ca_file": None}
    sockets: list[tuple[socket.socket, Any]] = [(_listen(host, port), None)]
    ready["port"] = sockets[0][0].getsockname()[1]
    if tls_port is not None:
        from ingestion.sandbox.tls import make_certificates

        if tls_folder is None:
            raise SandboxServerError("expected a folder for the certificates with a TLS port, got none")
        hosts = [name for vendor in vendor_classes().values() for name in vendor.certificate_hosts]
        certificates = make_certificates(tls_folder, hosts)
        sockets.append((_listen(host, tls_port), certificates))
        ready["tls_port"] = sockets[1][0].getsockname()[1]
        ready["ca_file"] = str(certificates.ca_file)
    # The caches hold millions of objects that live as long as their `now`: collecting often only costs time.
    gc.set_threshold(200_000, 20, 100)
    asyncio.run(_serve(app, sockets, lambda: on_ready(ready) if on_ready else None, lives_with_stdin))


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.set_inheritable(True)
    return listener


async def _serve(
    app: Any, sockets: list[tuple[socket.socket, Any]], on_ready: Callable[[], None], lives_with_stdin: bool
) -> None:
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Protocol(HttpToolsProtocol):
        """Tells the app its connection, so that a scenario can break it."""

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope["sandbox.transport"] = self.transport  # type: ignore[typeddict-unknown-key]

    class Quiet(uvicorn.Server):
        """One of several in a process: signals are handled once, outside."""

        def capture_signals(self) -> Any:
            import contextlib

            return contextlib.nullcontext()

    servers = []
    for _, certificates in sockets:
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
            backlog=512,
            ssl_certfile=str(certificates.certificate_file) if certificates else None,
            ssl_keyfile=str(certificates.key_file) if certificates else None,
        )
        servers.append(Quiet(config))

    def stop() -> None:
        for server in servers:
            server.force_exit = server.should_exit
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if lives_with_stdin:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1) else stop())
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, (listener, _) in zip(servers, sockets, strict=True)
    ]
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks):
            break
        await asyncio.sleep(0.005)
    else:
        on_ready()
    await asyncio.gather(*tasks)


class SandboxServer:
    """A sandbox in a process of its own, for as long as the `with` block lasts.

    Arguments:
        world_path: the world's folder.
        now: what is visible by then; the world's `as_of` by default.
        port: 0 takes a free one.
        tls: also listen on https, with the vendors' hosts in the certificate.
        scenario: a scenario's name, file or content.
    """

    def __init__(
        self,
        world_path: Path | str,
        now: datetime | None = None,
        port: int = 0,
        tls: bool = False,
        scenario: str | Path | dict[str, Any] | None = None,
    ) -> None:
        self.world_path = Path(world_path)
        self._now, self._port, self._tls, self._scenario = now, port, tls, scenario
        self._process: subprocess.Popen[str] | None = None
        self._folder: Path | None = None
        self.port = 0
        self.tls_port: int | None = None
        self.ca_file: Path | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> SandboxServer:
        """Start and wait until it listens. Raises SandboxServerError with what the process said."""
        self._folder = Path(tempfile.mkdtemp(prefix="norte-sandbox-"))
        command = [sys.executable, "-m", "ingestion.sandbox.server", "--world", str(self.world_path)]
        command += ["--port", str(self._port)]
        if self._now is not None:
            command += ["--now", self._now.isoformat()]
        if self._tls:
            command += ["--tls-port", "0", "--tls-folder", str(self._folder)]
        if isinstance(self._scenario, dict):
            command += ["--scenario-content", json.dumps(self._scenario)]
        elif self._scenario is not None:
            command += ["--scenario", str(self._scenario)]
        errors = (self._folder / "stderr.txt").open("w+")
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else [root]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        line = self._first_line(self._process)
        if not line:
            self._process.kill()
            self._process.wait()
            errors.seek(0)
            said = errors.read().strip()[-2000:]
            errors.close()
            self.stop()
            raise SandboxServerError(
                f"expected the sandbox to listen, it ended or hung instead: {said or 'no output'}"
            )
        errors.close()
        ready = json.loads(line)
        self.port, self.tls_port = ready["port"], ready["tls_port"]
        self.ca_file = Path(ready["ca_file"]) if ready["ca_file"] else None
        return self

    @staticmethod
    def _first_line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if select.select([process.stdout], [], [], 0.1)[0]:
                return process.stdout.readline()
        return process.stdout.readline() if process.poll() == 0 else ""

    def stop(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.terminate()
                try:
                    self._process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def env(self) -> dict[str, str]:
        """Every setting that makes the ingestion talk to this sandbox."""
        meta = json.loads((self.world_path / "world.json").read_text(encoding="utf-8"))
        return connection_env(self.base_url, self.world_path / "company", meta["person_key_secret"])

    def set_now(self, now: datetime) -> None:
        """Move the world's time."""
        self.control("POST", "now", {"now": now.isoformat()})

    def set_scenario(
        self,
        scenario: str | dict[str, Any] | list[dict[str, Any]],
        vendor: str | None = None,
        **options: Any,
    ) -> None:
        """Set faults: by a scenario's name (at one `vendor`, or all), with `options` over each, or by
        content.
        """
        content: Any = scenario
        if isinstance(scenario, str):
            content = {"scenario": scenario, "options": options} | ({"vendor": vendor} if vendor else {})
        self.control("POST", "scenario", content)

    def requests(self, reset: bool = False) -> dict[str, Any]:
        """Counts of requests per vendor, status and route since the start (or the last reset), and CPU
        seconds.
        """
        counts = self.control("GET", "requests")
        if reset:
            self.control("DELETE", "requests")
        return counts

    def control(self, method: str, what: str, content: Any = None) -> dict[str, Any]:
        """Call `/_sandbox/<what>`. Raises SandboxServerError with the sandbox's message."""
        request = urllib.request.Request(
            f"{self.base_url}/_sandbox/{what}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=60
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SandboxServerError(f"{method} {what}: {error.read().decode('utf-8', 'replace')}") from error


def main(arguments: list[str] | None = None) -> None:
    """What the process of a SandboxServer runs: says as one line of JSON on stdout where it listens."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.sandbox.server")
    parser.add_argument("--world", type=Path, required=True)
    parser.add_argument("--now", type=datetime.fromisoformat)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-port", type=int)
    parser.add_argument("--tls-folder", type=Path)
    parser.add_argument("--scenario")
    parser.add_argument("--scenario-content", type=json.loads)
    chosen = parser.parse_args(arguments)

    def say(ready: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()

    run(
        chosen.world,
        chosen.now,
        port=chosen.port,
        tls_port=chosen.tls_port,
        tls_folder=chosen.tls_folder,
        scenario=chosen.scenario_content or chosen.scenario,
        on_ready=say,
        lives_with_stdin=True,
    )


if __name__ == "__main__":
    main()
