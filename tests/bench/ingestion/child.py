"""One load in a fresh process: `python -m tests.bench.ingestion.child NAME JSON`.

Belongs here: what is measured, by name. Does not belong here: measuring it (`measure.py`). Settings of the
connections come by the environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingestion.source import RunContext, Slice, Source


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


def load_same(given: dict[str, Any]) -> None:
    """The same of some resources only, and of lists flattened out of them: what another program is asked for
    too. All requests are sent that are sent otherwise."""
    from ingestion import pipeline
    from ingestion.registry import Connection, connection

    def narrowed(instance: str) -> Connection:
        found = connection(instance)
        return replace(found, source=_Narrowed(found.source, given["resources"]))

    pipeline.connection = narrowed
    load(given)


class _Narrowed:
    def __init__(self, source: Source, names: Sequence[str]) -> None:
        self._source, self._names = source, names
        self.name = source.name
        self.resources = tuple(one for one in source.resources if {one.name, one.parent} & set(names))

    def settings_class(self) -> type:
        return self._source.settings_class()

    def slices(self, settings: Any, context: RunContext) -> Iterator[Slice]:
        for piece in self._source.slices(settings, context):
            yield replace(piece, batches=(one for one in piece.batches if one.resource in self._names))


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
    named = {"load": load, "load_same": load_same, "load_file": load_file, "limit": limit, "nothing": nothing}
    named[sys.argv[1]](json.loads(sys.argv[2]))
