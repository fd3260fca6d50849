"""What readers open: the published DuckDB file, Parquet per table, and the pages.

Belongs here: these assets, what they depend on, and the call that makes them. Does not belong here: how a
publication is made (`publishing/`) and what is held back (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion.warehouse import Warehouse
from orchestration.assets.models import Models
from orchestration.gate import public_tables
from orchestration.outcomes import publication_rows
from orchestration.progress import Progress, Report
from orchestration.settings import Settings
from orchestration.translators import FRESH_FOR, WARN_AFTER

BI_KEY = dg.AssetKey(["published", "bi"])
PARQUET_KEY = dg.AssetKey(["published", "parquet"])
OWNER = "team:product_operations"


@dataclass(frozen=True)
class PublishedRun:
    """What a publication did.

    Arguments:
        results: one per asset.
        held_back: `<schema>.<table>` to the reason.
        log_rows: for the log of publications.
        facts: for the summary.
    """

    results: tuple[dg.MaterializeResult, ...]
    held_back: Mapping[str, str]
    log_rows: list[dict[str, Any]]
    facts: dict[str, Any]


class PublishedFiles:
    """The published assets of one company."""

    def __init__(self, models: Models, settings: Settings) -> None:
        self._models = models
        self._settings = settings

    def asset_specs(self) -> list[dg.AssetSpec]:
        """The file, the Parquet tables and the pages; nothing where there are no marts."""
        public = public_tables(self._models.manifest)
        if not public:
            return []
        marts = [self._models.keys[unique_id] for unique_id in public]
        current = self._settings.published_dir / "current"
        specs = [
            self._spec(
                BI_KEY,
                marts,
                "The marts as one DuckDB file that BI tools open; replaced in one step.",
                {"path": dg.MetadataValue.path(current / "norte.duckdb")},
                {"duckdb"},
            ),
            self._spec(
                PARQUET_KEY,
                [BI_KEY],
                "The marts as one Parquet file per table.",
                {"path": dg.MetadataValue.path(current / "parquet")},
                {"parquet"},
            ),
        ]
        for page in pages():
            path = current / "pages" / f"{page}.html"
            specs.append(
                self._spec(
                    page_key(page),
                    [BI_KEY],
                    f"The page {page.replace('_', ' ')}: no network, no JavaScript.",
                    {
                        "url": dg.MetadataValue.url(path.absolute().as_uri()),
                        "path": dg.MetadataValue.path(path),
                    },
                    {"html"},
                )
            )
        return specs

    def are_selected(self, assets: AbstractSet[dg.AssetKey]) -> bool:
        """Whether any published asset is to be made: they are only made together."""
        return any(key.path[0] == "published" for key in assets)

    def publish(
        self, warehouse: Warehouse, *, now: datetime, held_back: Mapping[str, str], report: Report
    ) -> PublishedRun:
        """Makes the publication; raises PublicationError and leaves the one before in place."""
        from orchestration.publishing.export import publish  # charts and tables: seconds of imports

        publication = publish(
            warehouse,
            self._settings.published_dir,
            now=now,
            held_back=held_back,
            manifest=self._models.manifest_path,
            languages=self._settings.page_languages,
            on_progress=lambda what, done, total: report(Progress("publish", what, done, total)),
        )
        rows = {table.full_name: table.rows for table in publication.tables}
        facts = {
            "publication": publication.id,
            "tables": rows,
            "held_back": dict(held_back),
            "missing": {table.full_name: table.reason for table in publication.left_out},
            "pages": list(publication.pages),
            "page_errors": dict(publication.page_errors),
        }
        common: dict[str, Any] = {
            "publication": publication.id,
            "tables": len(rows),
            "rows": sum(rows.values()),
            "held_back": dg.MetadataValue.md(_as_list(held_back)),
        }
        results: list[dg.MaterializeResult] = [
            dg.MaterializeResult(asset_key=BI_KEY, metadata=common),
            dg.MaterializeResult(asset_key=PARQUET_KEY, metadata=common),
            *(
                dg.MaterializeResult(
                    asset_key=page_key(page),
                    metadata={
                        "publication": publication.id,
                        "url": dg.MetadataValue.url(
                            (publication.directory / "pages" / f"{page}.html").absolute().as_uri()
                        ),
                    },
                )
                for page in pages()
                if f"{page}.html" in publication.pages
            ),
        ]
        return PublishedRun(
            results=tuple(results),
            held_back=held_back,
            log_rows=publication_rows(publication, now),
            facts=facts,
        )

    def _spec(
        self,
        key: dg.AssetKey,
        deps: list[dg.AssetKey],
        description: str,
        metadata: dict[str, Any],
        kinds: set[str],
    ) -> dg.AssetSpec:
        return dg.AssetSpec(
            key,
            deps=deps,
            description=description,
            group_name="published",
            owners=[OWNER],
            kinds=kinds,
            metadata=metadata,
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_FOR, warn_window=WARN_AFTER),
            skippable=True,
        )


def pages() -> list[str]:
    """The pages there are, by name: the modules of the report, told by their files, since drawing is slow to
    load.
    """
    folder = Path(__file__).parent.parent / "publishing" / "report" / "pages"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def page_key(page: str) -> dg.AssetKey:
    """The asset of a page."""
    return dg.AssetKey(["published", "pages", page])


def _as_list(held_back: Mapping[str, str]) -> str:
    if not held_back:
        return "nothing"
    return "\n".join(f"- `{table}`: {reason}" for table, reason in held_back.items())
