"""What Dagster shows, as files: assets, checks, jobs, schedules.

Belongs here: describing the definitions, and writing the description (`make snapshots`). The snapshots are
the review
of a change: a key that vanishes is a broken lineage, dashboard or alert for someone.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

FOLDER = Path(__file__).parent / "snapshots"
ENVIRONMENT = {
    "SOURCES__ENABLED": "hubspot,zendesk,mixpanel,jira,governance",
    "NORTE_NOW": "2026-10-05T06:00:00Z",
    "NORTE_ANALYTICS_STARTS_ON": "2025-04-01",
    "NORTE_TIME_ZONE": "America/Sao_Paulo",
    "NORTE_OWN_EMAIL_DOMAINS": "norte.example",
}


@contextmanager
def company(home: Path) -> Iterator[None]:
    """A company with every source on, whose state is below `home`."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("NORTE_", "SOURCES__"))]:
        del os.environ[name]
    os.environ.update({**ENVIRONMENT, "NORTE_HOME": str(home)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def describe(definitions: dg.Definitions) -> dict[str, Any]:
    """File name to content."""
    graph = definitions.resolve_asset_graph()
    assets = {
        node.key.to_user_string(): {
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": list(node.owners),
            "after": sorted(key.to_user_string() for key in node.parent_keys),
            **({"partitions": "daily"} if node.partitions_def else {}),
        }
        for node in graph.asset_nodes
    }
    checks: dict[str, list[str]] = {}
    for key in graph.asset_check_keys:
        checks.setdefault(key.asset_key.to_user_string(), []).append(key.name)
    repository = definitions.get_repository_def()
    jobs = {
        job.name: {
            "steps": sorted(node.name for node in job.graph.nodes),
            "assets": len(job.asset_layer.selected_asset_keys),
            "checks": len(job.asset_layer.asset_graph.asset_check_keys),
        }
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    return {
        "assets": dict(sorted(assets.items())),
        "checks": {key: sorted(names) for key, names in sorted(checks.items())},
        "jobs": dict(sorted(jobs.items())),
        "automation": {
            "schedules": {one.name: str(one.cron_schedule) for one in repository.schedule_defs},
            "sensors": sorted(one.name for one in repository.sensor_defs),
        },
    }


def read(name: str) -> Any:
    """A snapshot."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def write() -> None:
    """All snapshots anew, from the definitions as they are."""
    from orchestration.definitions import definitions

    with tempfile.TemporaryDirectory() as home, company(Path(home)):
        for name, content in describe(definitions()).items():
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
