"""dbt's project and command line, as the build uses them.

Belongs here: preparing the manifest that the definitions are built from, and starting dbt with this company's
settings. Does not belong here: which models are built when, what runs in dbt's process (`dbt_session.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ingestion.warehouse import Warehouse
from orchestration.resources import dbt_session
from orchestration.settings import PROJECT_ROOT

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
_GENERATED = {"target", "logs", "dbt_packages"}
_INTERRUPT_SECONDS = 5.0


class DbtManifestError(RuntimeError):
    """The dbt project could not be read."""


@dataclass(frozen=True)
class Dbt:
    """dbt with one company's settings.

    Arguments:
        warehouse: what dbt builds in.
        folder: where manifest, target and logs are kept.
        variables: dbt's vars. They are the same from run to run: dbt parses the whole project again when they
            change, so the one `now` goes in by the environment.
    """

    warehouse: Warehouse
    folder: Path
    variables: Mapping[str, Any]

    @property
    def target(self) -> Path:
        """dbt's target folder, the same for all invocations, so that the second finds the first's parse."""
        return self.folder / "target"

    @property
    def manifest_path(self) -> Path:
        """The manifest that the definitions were built from."""
        return self.folder / "manifest.json"

    @property
    def built_by(self) -> str | None:
        """The fingerprint that `note_built_by` noted last."""
        mark = self._built_by_file
        return mark.read_text() if mark.exists() else None

    def note_built_by(self, fingerprint: str) -> None:
        """Remembers what the models that grow were built by."""
        temporary = self._built_by_file.with_suffix(".tmp")
        temporary.write_text(fingerprint)
        temporary.replace(self._built_by_file)

    @property
    def _built_by_file(self) -> Path:
        return self.folder / "built_by.fingerprint"

    @contextmanager
    def session(self, now: datetime) -> Iterator[DbtSession]:
        """dbt for as long as a build goes on; its process starts with the first invocation."""
        session = DbtSession(self, now, ("--no-write-json",))
        try:
            yield session
        finally:
            session.end()

    def manifest(self, now: datetime) -> dict[str, Any]:
        """dbt's manifest of the project with these vars; made when the project or the vars have changed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.manifest_path
        mark = self.folder / "manifest.fingerprint"
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fingerprint = self._fingerprint()
            if not (kept.exists() and mark.exists() and mark.read_text() == fingerprint):
                mark.unlink(missing_ok=True)
                self._parse(now)
                fresh = self.target / "manifest.json"
                temporary = kept.with_suffix(".tmp")
                temporary.write_bytes(fresh.read_bytes())
                temporary.replace(kept)
                mark.write_text(fingerprint)
            manifest: dict[str, Any] = orjson.loads(kept.read_bytes())
        return manifest

    def _parse(self, now: datetime) -> None:
        session = DbtSession(self, now, ())
        try:
            session.read_project()
        finally:
            session.end()

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps(dict(self.variables), sort_keys=True).encode())
        digest.update(f"{self.warehouse.kind} {self.warehouse.place}".encode())
        for path in sorted(PROJECT_DIR.rglob("*")):
            relative = path.relative_to(PROJECT_DIR)
            if relative.parts[0] not in _GENERATED and path.is_file():
                stat = path.stat()
                digest.update(f"{relative}|{stat.st_size}|{stat.st_mtime_ns}".encode())
        return digest.hexdigest()


class DbtSession:
    """A process with dbt in it, which has read the project and can be asked several times.

    Arguments:
        dbt: dbt with one company's settings.
        now: the build's now.
        parse_arguments: how the project is read.
    """

    def __init__(self, dbt: Dbt, now: datetime, parse_arguments: Sequence[str]) -> None:
        self._dbt = dbt
        self._now = now
        self._variables = ["--vars", json.dumps(dict(dbt.variables), sort_keys=True)]
        self._parse_arguments = parse_arguments
        self._process: subprocess.Popen[str] | None = None
        self._is_asked = False

    def read_project(self) -> None:
        """Starts the process and waits until dbt has read the project.

        Raises:
            DbtManifestError: it cannot be read.
        """
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            # Safe path: the project's folder has a `tests`, and so have we.
            [sys.executable, "-P", "-m", dbt_session.__name__, *self._parse_arguments, *self._variables],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            cwd=PROJECT_DIR,
            env={**os.environ, **self._environment()},
        )
        self._is_asked = True
        # Whoever asked for the definitions did not ask for dbt's lines.
        problems = [line["problem"] for line in self._lines("ready", is_shown=False) if "problem" in line]
        if self._process.poll() is not None or problems:
            raise DbtManifestError(
                "expected a dbt project that parses; came:\n"
                + "\n".join(problems or ["no message from dbt"])
                + f"\nWhat to do: run `dbt parse` in {PROJECT_DIR.name}/ and correct what it names."
            )

    def run(self, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One invocation of dbt; read to its end. The caller holds the warehouse's lock.

        Yields:
            dbt's structured events, and `{"problem": ...}` for each error among them; last of all, if dbt
            came so far, `{"results": [...]}` with unique_id, status, message, failures and execution_time
            (seconds) of each node.
        """
        self.read_project()
        process = self._running()
        self._is_asked = True
        assert process.stdin is not None
        process.stdin.write(json.dumps([*arguments, *self._parse_arguments, *self._variables]) + "\n")
        process.stdin.flush()
        yield from self._lines("ended", is_shown=True)

    def end(self) -> None:
        """Ends the process; what it is doing at this moment is interrupted, and killed if it goes on."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        if self._is_asked and process.poll() is None:
            process.send_signal(signal.SIGINT)
            # dbt-duckdb interrupts a connection that runs nothing, so that a model's query goes on.
            killer = threading.Timer(_INTERRUPT_SECONDS, process.stdin.close)
            killer.start()
            for _ in self._lines("ended", is_shown=False):
                pass
            killer.cancel()
        self._process = None
        # The process may be gone already: then there is nobody to close the pipe for.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        process.stdout.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("expected a session that has not ended")
        return self._process

    def _lines(self, last: str, *, is_shown: bool) -> Iterator[dict[str, Any]]:
        """What comes until the line with the key `last` or the end of the process; the log may show it."""
        stream = self._running().stdout
        assert stream is not None
        for text in stream:
            try:
                line = orjson.loads(text)
            except orjson.JSONDecodeError:
                # Not dbt's event: a library's warning.
                if is_shown:
                    sys.stdout.write(text)
                continue
            if last in line:
                self._is_asked = False
                return
            if "info" in line:
                if is_shown:
                    sys.stdout.write(f"{line['info']['ts'][11:19]}  {line['info']['msg']}\n")
                if line["info"]["level"] == "error":
                    yield {"problem": line["info"]["msg"]}
            yield line
        self._is_asked = False
        self._running().wait()

    def _environment(self) -> dict[str, str]:
        return {
            **self._dbt.warehouse.dbt_environment(),
            "NORTE_NOW": self._now.isoformat(),
            "DBT_PROJECT_DIR": str(PROJECT_DIR),
            "DBT_PROFILES_DIR": str(PROJECT_DIR),
            "DBT_TARGET_PATH": str(self._dbt.target),
            "DBT_LOG_PATH": str(self._dbt.target),
            "DBT_LOG_FORMAT": "json",
            "DBT_USE_COLORS": "false",
            # Each statement and touch of its cache: ten megabytes a build, and a quarter of the time of dbt.
            "DBT_LOG_LEVEL_FILE": "info",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
            "PYTHONUNBUFFERED": "1",
        }
