"""Themes as code: the taxonomy as the governance files define it, and the version of what scores.

Belongs here: themes from a folder of YAML files or from the rows of the warehouse, merges, the version. Does
not belong here: finding themes in texts (`rules.py`, `themes.py`), judging a taxonomy (`lint.py`).
"""

# ruff: noqa: N818 (the name reads as what happened)
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ingestion.errors import GovernanceInvalid, SourceError
from ingestion.patterns import Pattern, compile_pattern
from ingestion.sources.governance.files import CSV_FILES, THEME
from ingestion.sources.governance.reading import Entry, Problems, Value, check_entry, read_csv, read_yaml

ACTIVE = "active"
OVERRIDE_COLUMNS = ("feedback_id", "theme_id", "action", "decided_by", "decided_at", "reason")
_VERSION_CHARACTERS = 12


class TaxonomyInvalid(SourceError):
    """The taxonomy, or what is said about it, cannot be used."""


@dataclass(frozen=True)
class Theme:
    """One theme, as its file says.

    Arguments:
        theme_id: never changes its meaning, never used again.
        any_patterns, none_patterns: an item has the theme by rule when one of the first and none of the
            second matches.
        examples: what people write; any language.
        counter_examples: what looks like it and is something else.
        merged_into: the theme that its items count for.
        file: where it is defined.
    """

    theme_id: str
    name_en: str | None = None
    name_pt: str | None = None
    parent_id: str | None = None
    owner: str | None = None
    status: str = ACTIVE
    description: str | None = None
    any_patterns: tuple[Pattern, ...] = ()
    none_patterns: tuple[Pattern, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()
    merged_into: str | None = None
    since: str | None = None
    file: str = ""

    @property
    def what_scores(self) -> dict[str, Any]:
        """All that can change a label; no name, no owner, no order of a list."""
        return {
            "id": self.theme_id,
            "is_active": self.status == ACTIVE,
            "merged_into": self.merged_into,
            "any": sorted({pattern.text for pattern in self.any_patterns}),
            "none": sorted({pattern.text for pattern in self.none_patterns}),
            "examples": sorted(set(self.examples)),
            "not": sorted(set(self.counter_examples)),
        }


@dataclass(frozen=True)
class Taxonomy:
    """All themes, ordered by id.

    A theme scores when it is active, or when it was merged into one that is: its rules and examples then go
    on finding items, which count for the survivor.
    """

    themes: tuple[Theme, ...] = field(default_factory=tuple)

    @cached_property
    def by_id(self) -> dict[str, Theme]:
        """The themes by their id."""
        return {theme.theme_id: theme for theme in self.themes}

    @cached_property
    def survivors(self) -> dict[str, str]:
        """Theme id -> the id that its items count for; only themes that score."""
        found: dict[str, str] = {}
        for theme in self.themes:
            last = theme
            while last.merged_into:
                last = self.by_id[last.merged_into]
            if last.status == ACTIVE:
                found[theme.theme_id] = last.theme_id
        # A retired theme without a successor is over; so is one that waits for a decision.
        return {
            theme_id: survivor
            for theme_id, survivor in found.items()
            if self.by_id[theme_id].status == ACTIVE or self.by_id[theme_id].merged_into
        }

    @property
    def scoring(self) -> tuple[Theme, ...]:
        """The themes whose rules and examples count."""
        return tuple(theme for theme in self.themes if theme.theme_id in self.survivors)

    @cached_property
    def theme_ids(self) -> tuple[str, ...]:
        """The ids that an item can get, in order."""
        return tuple(sorted(set(self.survivors.values())))

    def current(self, theme_id: str) -> str | None:
        """The id that a theme's items count for today; None for one that is over or unknown."""
        return self.survivors.get(theme_id)

    @cached_property
    def version(self) -> str:
        """Hash of what scores: another one means that history is scored anew."""
        content = [theme.what_scores for theme in self.scoring]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_CHARACTERS]


def read_taxonomy(directory: Path) -> Taxonomy:
    """The themes of a governance folder, or of the folder `themes` itself.

    Raises:
        TaxonomyInvalid: there is no such folder.
        GovernanceInvalid: with every problem of every file.
    """
    if not directory.is_dir():
        raise TaxonomyInvalid(
            "a folder with one YAML file per theme",
            f"{str(directory)!r}, which is none",
            "give the company's governance folder",
            source="themes",
        )
    folder = directory / "themes" if (directory / "themes").is_dir() else directory
    problems = Problems()
    entries: list[Entry] = []
    for path in sorted(folder.iterdir()):
        file = f"themes/{path.name}"
        if path.suffix == ".yaml":
            problems.add(file, None, "a name that ends in .yml", f"{path.name!r}", "Rename it.")
        if path.suffix != ".yml":
            continue
        document = read_yaml(path, file, problems)
        entry = check_entry(document, THEME, file, "a theme", problems) if document else None
        if entry and entry["id"] and entry["id"] != path.stem:
            problems.add(
                file,
                entry.line_of("id"),
                f"the id {path.stem!r}, as the file is called",
                f"{entry['id']!r}",
                "Rename the file or correct the id; ids never change once they are used.",
            )
        if entry:
            entries.append(entry)
    return _checked(entries, problems)


def taxonomy_of_payloads(payloads: Iterable[str | Mapping[str, Any]]) -> Taxonomy:
    """The themes of the governance source's raw rows.

    Arguments:
        payloads: each theme as it was written, as a mapping or as JSON text.

    Raises:
        GovernanceInvalid: with every problem of every theme.
    """
    problems = Problems()
    entries: list[Entry] = []
    for payload in payloads:
        content = json.loads(payload) if isinstance(payload, str) else payload
        file = f"themes/{content.get('id') if isinstance(content, Mapping) else '?'}.yml"
        entry = check_entry(_valued(content), THEME, file, "a theme", problems)
        if entry:
            entries.append(entry)
    return _checked(entries, problems)


def read_overrides(directory: Path) -> pd.DataFrame:
    """`theme_overrides.csv` of a governance folder as a frame with OVERRIDE_COLUMNS; empty without the file.

    Raises:
        GovernanceInvalid: with every problem of the file.
    """
    path = directory / "theme_overrides.csv"
    problems = Problems()
    fields = CSV_FILES["theme_overrides"]
    needed = [name for name, kind in fields.items() if kind.is_required or kind.choices]
    rows = read_csv(path, path.name, tuple(fields), needed, problems) if path.exists() else []
    checked = [check_entry(row, fields, path.name, "an override", problems) for row in rows]
    if problems.found:
        raise GovernanceInvalid(problems.found, source="themes")
    names = {"decided_by": "by", "decided_at": "at"}
    return pd.DataFrame(
        [[entry[names.get(name, name)] for name in OVERRIDE_COLUMNS] for entry in checked if entry],
        columns=list(OVERRIDE_COLUMNS),
        dtype="str",
    )


def _valued(content: Any) -> Value:
    """Plain values as those of a file; there is no line to name."""
    if isinstance(content, Mapping):
        return Value({str(name): _valued(item) for name, item in content.items()}, 0)
    if isinstance(content, list | tuple):
        return Value([_valued(item) for item in content], 0)
    return Value(None if content is None else str(content), 0)


def _checked(entries: Sequence[Entry], problems: Problems) -> Taxonomy:
    themes: dict[str, Theme] = {}
    for entry in entries:
        theme = _theme(entry)
        if theme.theme_id in themes:
            problems.add(
                entry.file,
                entry.line_of("id") or None,
                f"id {theme.theme_id!r} once",
                f"it again, after {themes[theme.theme_id].file}",
                "Remove or rename one of them.",
            )
        elif theme.theme_id:
            themes[theme.theme_id] = theme
    for entry in entries:
        _check_references(entry, themes, problems)
    if problems.found:
        raise GovernanceInvalid(problems.found, source="themes")
    return Taxonomy(tuple(themes[theme_id] for theme_id in sorted(themes)))


def _check_references(entry: Entry, themes: Mapping[str, Theme], problems: Problems) -> None:
    target = entry["merged_into"]
    if not target:
        return
    place = (entry.file, entry.line_of("merged_into") or None)
    if target not in themes:
        problems.add(*place, "merged_into to name an entry of themes/", f"{target!r}", "Correct the id.")
        return
    if entry["status"] == ACTIVE:
        problems.add(*place, "a retired theme", "status active", "Set `status: retired`, or keep it apart.")
    seen = {entry["id"]}
    while target in themes and target not in seen:
        seen.add(target)
        target = themes[target].merged_into or ""
    if target:
        problems.add(*place, "a merge that ends", f"a circle through {target!r}", "Correct one of them.")


def _theme(entry: Entry) -> Theme:
    names = entry["name"]
    since = entry["since"]
    return Theme(
        theme_id=entry["id"] or "",
        name_en=names["en"] if names else None,
        name_pt=names["pt"] if names else None,
        parent_id=entry["parent"],
        owner=entry["owner"],
        status=entry["status"] or ACTIVE,
        description=entry["description"],
        any_patterns=_patterns(entry, "any"),
        none_patterns=_patterns(entry, "none"),
        examples=tuple(text for text, _ in entry["examples"] or []),
        counter_examples=tuple(text for text, _ in entry["not"] or []),
        merged_into=entry["merged_into"],
        since=since.isoformat() if since else None,
        file=entry.file,
    )


def _patterns(entry: Entry, name: str) -> tuple[Pattern, ...]:
    found: list[Pattern] = []
    for text, _ in entry[name] or []:
        # What cannot be used was named when the entry was read.
        with suppress(ValueError):
            found.append(compile_pattern(text))
    return tuple(found)
