"""`norte themes` on a company's own warehouse, whatever kind its settings name.

Belongs here: calling the commands and reading what they wrote. Does not belong here: what is asserted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from ingestion.enrichment.insight.taxonomy import read_taxonomy
from orchestration.cli import app

NEW_THEME = "newly_found"


@dataclass(frozen=True)
class ThemeWork:
    """What a person got who looked through candidates, promoted the first, and drew a sample.

    Arguments:
        candidates: the list as it was shown.
        promoted: examples of the theme that was written.
        sheet: items in doubt and drawn at random, to be judged.
    """

    candidates: str
    promoted: tuple[str, ...]
    sheet: pd.DataFrame


def themes(settings: Mapping[str, str], *words: object) -> str:
    """`norte themes`; what it said."""
    environment = {**settings, "COLUMNS": "300"}
    result = CliRunner().invoke(app, ["themes", *(str(word) for word in words)], env=environment)
    assert result.exit_code == 0, result.output
    return result.output


def worked_on_themes(
    settings: Mapping[str, str], candidate_id: str, folder: Path, warehouse: object = "warehouse"
) -> ThemeWork:
    """Candidates, promotion and review over the warehouse; nothing outside `folder` is written."""
    company = folder / "company" / "themes"
    company.mkdir(parents=True)
    listed = themes(settings, "candidates", "--out", warehouse)
    options = ("--theme", NEW_THEME, "--company", company, "--out", warehouse)
    themes(settings, "promote", candidate_id, *options)
    themes(settings, "review", "--out", warehouse, "--to", folder / "sheet.parquet", "--sample", 20)
    return ThemeWork(
        listed,
        tuple(read_taxonomy(company).by_id[NEW_THEME].examples),
        pd.read_parquet(folder / "sheet.parquet"),
    )
