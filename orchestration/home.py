"""The folder of all state, and what must lie in it before Dagster starts.

Belongs here: making `<home>` ready, and the environment that processes started from here get. Does not belong
here: what they do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

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


def prepare(settings: Settings) -> None:
    """Makes the folders, and writes the instance's configuration where it is missing or out of date."""
    for folder in (settings.home, settings.dagster_home, settings.logs_dir, settings.pipelines_dir):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = settings.dagster_home / "dagster.yaml"
    wanted = TEMPLATE.read_text(encoding="utf-8")
    if not configuration.exists() or configuration.read_text(encoding="utf-8") != wanted:
        temporary = configuration.with_suffix(".tmp")
        temporary.write_text(wanted, encoding="utf-8")
        temporary.replace(configuration)


def environment(settings: Settings, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with the instance's place and every library's telemetry off.

    Arguments:
        extra: settings of a sandbox company; they win.
    """
    return {
        **QUIET,
        **os.environ,
        # dlt looks for its configuration in the working directory, people call `norte` from anywhere.
        "DLT_PROJECT_DIR": str(PROJECT_ROOT),
        "DAGSTER_HOME": str(settings.dagster_home),
        "NORTE_HOME": str(settings.home),
        **(extra or {}),
    }
