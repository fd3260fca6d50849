"""dbt's project and command line, as the build uses them.

Belongs here: preparing the manifest that the definitions are built from, and starting dbt with this company's
settings. Does not belong here: which models are built when.

dbt runs as a subprocess, because `dbtRunner` keeps the warehouse's file locked until its process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import orjson
from dagster_dbt import DbtCliInvocation, DbtCliResource
from packaging import version

from ingestion.warehouse import Warehouse
from orchestration.settings import PROJECT_ROOT

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
_GENERATED = {"target", "logs", "dbt_packages"}


class DbtManifestError(RuntimeError):
    """The dbt project could not be read."""


class DbtCommand(DbtCliResource):
    """The library's resource without what costs seconds and is not used here.

    The parent asks `dbt --version` of a new process, and loads dbt's adapter into this one to be able to
    fetch row counts; the latter would also open the warehouse's file from this process.
    """

    @cached_property
    def _cli_version(self) -> version.Version:
        return version.parse(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


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

    def start(self, arguments: Sequence[str], *, now: datetime) -> DbtCliInvocation:
        """Starts dbt; read `stream_raw_events()` to its end. The caller holds the warehouse's lock."""
        executable = Path(sys.executable).with_name("dbt")
        command = DbtCommand(
            project_dir=str(PROJECT_DIR),
            profiles_dir=str(PROJECT_DIR),
            dbt_executable=str(executable) if executable.exists() else "dbt",
        )
        with _environment(
            **self.warehouse.dbt_environment(),
            NORTE_NOW=now.isoformat(),
            # Each statement and touch of its cache: ten megabytes a build, and a quarter of the time of dbt.
            DBT_LOG_LEVEL_FILE="info",
            DBT_SEND_ANONYMOUS_USAGE_STATS="false",
            DO_NOT_TRACK="1",
        ):
            return command.cli(
                [*arguments, "--vars", json.dumps(dict(self.variables), sort_keys=True)],
                target_path=self.target,
                raise_on_error=False,
            )

    def run_results(self) -> list[dict[str, Any]]:
        """The last invocation's results; empty when it broke before it had any."""
        path = self.target / "run_results.json"
        return list(orjson.loads(path.read_bytes())["results"]) if path.exists() else []

    def forget_run_results(self) -> None:
        """So that a crash is not taken for the results of the invocation before it."""
        (self.target / "run_results.json").unlink(missing_ok=True)

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
                invocation = self.start(["parse"], now=now)
                # The library echoes dbt's lines; whoever asked for the definitions did not ask for those.
                with contextlib.redirect_stdout(io.StringIO()):
                    problems = [
                        event.raw_event["info"]["msg"]
                        for event in invocation.stream_raw_events()
                        if event.raw_event["info"]["level"] == "error"
                    ]
                if not invocation.is_successful():
                    raise DbtManifestError(
                        "expected a dbt project that parses; came:\n"
                        + "\n".join(problems or ["no message from dbt"])
                        + f"\nWhat to do: run `dbt parse` in {PROJECT_DIR.name}/ and correct what it names."
                    )
                fresh = self.target / "manifest.json"
                temporary = kept.with_suffix(".tmp")
                temporary.write_bytes(fresh.read_bytes())
                temporary.replace(kept)
                mark.write_text(fingerprint)
            manifest: dict[str, Any] = orjson.loads(kept.read_bytes())
        return manifest

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(json.dumps(dict(self.variables), sort_keys=True).encode())
        digest.update(f"{self.warehouse.kind} {self.warehouse.place}".encode())
        for path in sorted(PROJECT_DIR.rglob("*")):
            relative = path.relative_to(PROJECT_DIR)
            if relative.parts[0] not in _GENERATED and path.is_file():
                stat = path.stat()
                digest.update(f"{relative}|{stat.st_size}|{stat.st_mtime_ns}".encode())
        return digest.hexdigest()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Sets variables of this process for as long as a subprocess is being started."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
