"""Feedback and taxonomies as files: what the commands read and write.

Belongs here: reading and writing CSV, Parquet and theme stubs. Does not belong here: options and messages
(`cli.py`), any method.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import yaml

from ingestion.enrichment.insight.engine import Memory
from ingestion.enrichment.insight.taxonomy import Taxonomy, TaxonomyInvalid
from ingestion.enrichment.insight.text import joined

_SLUG = re.compile(r"[a-z][a-z0-9_]{1,60}")
_MEMORY_FILES = ("texts", "scores", "hits")


def read_feedback(path: Path) -> pd.DataFrame:
    """Items of a CSV or Parquet file: feedback_id, and text or subject and body.

    Raises:
        TaxonomyInvalid: the file cannot be read, or lacks a column.
    """
    expected = "a .csv or .parquet file with feedback_id and text (or subject and body)"
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        came = f"{path}: {type(error).__name__}"
        raise TaxonomyInvalid(expected, came, "check path and contents", source="themes") from None
    if "text" not in frame.columns and "body" in frame.columns:
        subject = frame["subject"] if "subject" in frame.columns else pd.Series("", index=frame.index)
        frame["text"] = joined(subject, frame["body"])
    for name in ("feedback_id", "text"):
        if name not in frame.columns:
            columns = ", ".join(map(str, frame.columns[:8]))
            raise TaxonomyInvalid(expected, f"columns {columns}", f"rename or add {name!r}", source="themes")
    if "arr" in frame.columns:
        frame["arr"] = pd.to_numeric(frame["arr"], errors="coerce")
    return frame


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """CSV or Parquet, by the name's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)


def read_memory(folder: Path) -> Memory:
    """What an earlier run left there; nothing on the first one."""
    found = {name: folder / f"{name}.parquet" for name in _MEMORY_FILES}
    if not all(path.exists() for path in found.values()):
        return Memory()
    return Memory(**{name: pd.read_parquet(path) for name, path in found.items()})


def write_memory(memory: Memory, folder: Path) -> None:
    """Keep it for the next run."""
    for name in _MEMORY_FILES:
        write_frame(getattr(memory, name), folder / f"{name}.parquet")


def theme_stub(theme_id: str, label: str, language: str, examples: list[str], taxonomy: Taxonomy) -> str:
    """The YAML of a new theme that a person completes: proposed, so that it scores nothing yet.

    Raises:
        TaxonomyInvalid: the id is none, or was used before.
    """
    if not _SLUG.fullmatch(theme_id):
        raise TaxonomyInvalid(
            "an id of lower-case letters, digits and '_'", f"{theme_id!r}", "choose another", source="themes"
        )
    if theme_id in taxonomy.by_id:
        raise TaxonomyInvalid(
            "an id that was never used", f"{theme_id!r}, which was", "choose another", source="themes"
        )
    content = {
        "id": theme_id,
        "name": {language if language in ("en", "pt") else "en": label},
        "status": "proposed",
        "examples": examples,
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    head = "# Proposed from what customers wrote. Name it, give it an owner, read the examples,\n"
    return f"{head}# remove what does not belong, then set `status: active`.\n{text}"
