"""One load in a fresh process: `python -m tests.bench.ingestion.child NAME JSON`.

Belongs here: what is measured, by name. Does not belong here: measuring it (`measure.py`). Settings of the
connections come by the environment.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any


def load(given: dict[str, Any]) -> None:
    """Our connectors into a warehouse."""
    from ingestion.pipeline import run_source
    from ingestion.warehouses.duckdb import DuckDBWarehouse

    home = Path(given["home"])
    warehouse = DuckDBWarehouse(home / "warehouse.duckdb")
    for source in given["sources"]:
        run_source(
            source,
            warehouse=warehouse,
            pipelines_dir=home / "pipelines",
            now=datetime.fromisoformat(given["now"]),
            person_key_secret=os.environ.get("NORTE_PERSON_KEY_SECRET", "not-a-secret"),
        )


def load_file(given: dict[str, Any]) -> None:
    """The same of a file of events that is there already: where it would be downloaded to, it is linked."""
    from ingestion.sources.mixpanel.client import MixpanelClient

    def export(client: MixpanelClient, first: str, last: str, to: Path, check: Any) -> int:
        os.link(given["file"], to)
        if reason := check(to):
            raise RuntimeError(f"expected a whole file of events; {reason}")
        return to.stat().st_size

    MixpanelClient.export = export  # type: ignore[method-assign]
    load(given)


def limit(given: dict[str, Any]) -> None:
    """The least that can be done: DuckDB reads the same files into a table."""
    import duckdb

    with duckdb.connect(given["database"]) as database:
        database.execute(f"create table found as select * from read_json('{given['files']}')")


def nothing(given: dict[str, Any]) -> None:
    """An interpreter that starts, with DuckDB."""
    import duckdb

    duckdb.connect().close()


if __name__ == "__main__":
    {"load": load, "load_file": load_file, "limit": limit, "nothing": nothing}[sys.argv[1]](
        json.loads(sys.argv[2])
    )
