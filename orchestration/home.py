"""The folder of all state, and what must lie in it before Dagster starts.

Belongs here: making `<home>` ready, and the environment that processes started from here get. Does not belong
here: what they do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import PROJECT_ROOT, Settings

TEMPLATE = Path(__file__).with_name("dagster.yaml")
LOCATION = "norte"
# Each library's own switch, off unless someone turned it on.
QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
}


def workspace_file(settings: Settings) -> Path:
    """Tells the UI where the definitions are."""
    return settings.dagster_home / "workspace.yaml"


def prepare(settings: Settings) -> None:
    """Makes the folders, and writes the instance's configuration where it is missing or out of date."""
    for folder in (settings.home, settings.dagster_home, settings.logs_dir, settings.pipelines_dir):
        folder.mkdir(parents=True, exist_ok=True)
    module = {
        "module_name": "orchestration.definitions",
        "location_name": LOCATION,
        "working_directory": str(PROJECT_ROOT),
    }
    template = TEMPLATE.read_text(encoding="utf-8").replace("{home}", str(settings.dagster_home))
    writers = warehouse_of(settings).concurrent_writers
    _write(settings.dagster_home / "dagster.yaml", template.replace("{writers}", str(writers)))
    _write(workspace_file(settings), yaml.safe_dump({"load_from": [{"python_module": module}]}))


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def environment(settings: Settings, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with the instance's place and every library's telemetry off.

    Arguments:
        extra: settings of a sandbox company; they win.
    """
    return {
        **QUIET,
        # dlt looks for its configuration in the working directory, people call `norte` from anywhere; a
        # company's folder has its own.
        "DLT_PROJECT_DIR": str(PROJECT_ROOT),
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        "NORTE_HOME": str(settings.home),
        **(extra or {}),
    }
