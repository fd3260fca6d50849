"""What a publication is, and its `publication.json`.

Belongs here: the records and their reading and writing. Does not belong here: making one (`export.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FILE = "publication.json"


class PublicationError(RuntimeError):
    """A publication that could not be made; the one before is untouched."""


@dataclass(frozen=True)
class TableContract:
    """A public table as dbt promises it: its name, and what it and its columns mean."""

    schema: str
    name: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class PublishedTable:
    """One table of a publication.

    Arguments:
        rows: how many.
        is_held_back: carried over from the publication before, because the new state did not pass.
        since: the moment (naive UTC) that a held-back table's data is from; None where it is new.
        reason: why it was held back.
    """

    schema: str
    name: str
    rows: int
    is_held_back: bool = False
    since: datetime | None = None
    reason: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class LeftOut:
    """A public table that this publication does not have, because no publication ever had it."""

    schema: str
    name: str
    reason: str

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Publication:
    """One atomic state of everything that readers see.

    Arguments:
        id: sorts by order of publication.
        published_at: naive UTC.
        data_as_of: until when the sources were read, naive UTC.
        directory: the release's folder.
        pages: file names of the pages.
        page_errors: pages that could not be drawn, with the error.
    """

    id: str
    published_at: datetime
    data_as_of: datetime
    directory: Path
    tables: tuple[PublishedTable, ...]
    left_out: tuple[LeftOut, ...] = ()
    pages: tuple[str, ...] = ()
    page_errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.directory / "norte.duckdb"

    def held_back(self) -> list[PublishedTable]:
        return [table for table in self.tables if table.is_held_back]

    def table(self, full_name: str) -> PublishedTable | None:
        return next((table for table in self.tables if table.full_name == full_name), None)

    def to_json(self) -> str:
        content = {key: value for key, value in asdict(self).items() if key != "directory"}
        return json.dumps(
            content, indent=1, ensure_ascii=False, default=lambda moment: moment.isoformat() + "Z"
        )


def read_publication(directory: Path) -> Publication | None:
    """The publication in a release's folder; None where there is none."""
    try:
        content: dict[str, Any] = json.loads((directory / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Publication(
        id=content["id"],
        published_at=_moment(content["published_at"]),
        data_as_of=_moment(content["data_as_of"]),
        directory=directory.resolve(),
        tables=tuple(
            PublishedTable(**{**table, "since": _moment(table["since"]) if table["since"] else None})
            for table in content["tables"]
        ),
        left_out=tuple(LeftOut(**table) for table in content["left_out"]),
        pages=tuple(content["pages"]),
        page_errors=content["page_errors"],
    )


def read_contracts(manifest: Path) -> list[TableContract]:
    """The public tables of dbt's manifest: the models under `marts`, in the order of schema and name."""
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected dbt's manifest at {manifest}, which lists the public tables; it is not there. "
            "Run the build, or `dbt parse` in dbt_project."
        ) from None
    contracts = [
        TableContract(
            schema=node["schema"],
            name=node.get("alias") or node["name"],
            description=_one_line(node.get("description")),
            columns={
                name: _one_line(column.get("description"))
                for name, column in (node.get("columns") or {}).items()
            },
        )
        for node in nodes.values()
        if node["resource_type"] == "model" and len(node["fqn"]) > 1 and node["fqn"][1] == "marts"
    ]
    return sorted(contracts, key=lambda contract: contract.full_name)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))
