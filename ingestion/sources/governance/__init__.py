"""Governance as code: the company's own files of objectives, decisions, deliveries, themes and calendars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ingestion.errors import ConfigurationInvalid, GovernanceInvalid, GovernanceProblem
from ingestion.source import Batch, Record, RunContext, Slice
from ingestion.sources.governance.files import read_company
from ingestion.sources.governance.reading import Problems
from ingestion.sources.governance.references import check_company
from ingestion.sources.governance.resources import RESOURCES
from ingestion.sources.governance.rows import company_rows
from ingestion.sources.governance.settings import GovernanceSettings


def validated(
    directory: Path, now: datetime, *, instance: str
) -> tuple[dict[str, list[Record]], list[GovernanceProblem]]:
    """All rows of the files, and everything that is wrong with them.

    Raises ConfigurationInvalid when there is no such directory.
    """
    if not directory.is_dir():
        raise ConfigurationInvalid(
            "a directory with governance files",
            f"{str(directory)!r}, which is none",
            f"correct SOURCES__{instance.upper()}__DIRECTORY, or make one from the template",
            source=instance,
        )
    problems = Problems()
    company = read_company(directory, problems)
    check_company(company, problems)
    rows = company_rows(company, now, problems)
    return rows, problems.found


class GovernanceSource:
    """The connector; satisfies ingestion.source.Source. Everything is checked before anything is loaded."""

    name = "governance"
    resources = RESOURCES

    def settings_class(self) -> type[GovernanceSettings]:
        """The dlt configspec of one directory."""
        return GovernanceSettings

    def slices(self, settings: GovernanceSettings, context: RunContext) -> Iterator[Slice]:
        """All files as one slice; what is gone from them becomes a tombstone.

        Raises GovernanceInvalid with every problem of every file.
        """
        directory = Path(settings.directory).expanduser()
        rows, problems = validated(directory, context.now, instance=context.instance)
        if problems:
            raise GovernanceInvalid(problems, source=context.instance)
        yield Slice(name="all files", batches=self._batches(rows, context), state=dict)

    def _batches(self, rows: dict[str, list[Record]], context: RunContext) -> Iterator[Batch]:
        for resource in self.resources:
            records = rows[resource.name]
            keys = {_key(resource.key, record) for record in records}
            gone = sorted(context.known.keys(resource.name) - keys)
            yield Batch(resource.name, [*records, *(_tombstone(resource.key, key) for key in gone)])


def _key(columns: tuple[str, ...], record: Record) -> str:
    return ":".join("" if record.values[name] is None else str(record.values[name]) for name in columns)


def _tombstone(columns: tuple[str, ...], key: str) -> Record:
    """Key columns are filled where the parts of the key can be told apart."""
    parts = key.split(":")
    values = dict(zip(columns, parts, strict=True)) if len(parts) == len(columns) else {}
    return Record({name: part or None for name, part in values.items()}, is_deleted=True, key=key)


source = GovernanceSource()
