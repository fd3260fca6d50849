"""What a page is made of: sections of tiles, charts, tables, paragraphs and lists.

Belongs here: the parts, what a section needs to be shown, and the definitions that a page's numbers point
to. Does not belong here: any page's content (`pages/`) and HTML (`templates/`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd
from markupsafe import Markup

from orchestration.publishing.report.charts import Charts, Mark
from orchestration.publishing.report.drawing import Svg
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.marks import ReleaseMark, release_marks
from orchestration.publishing.report.published import FILLED_BY, Published
from orchestration.publishing.report.tables import Column, html_table
from orchestration.publishing.report.texts import Texts

DEFINITIONS = "definitions"


def metric_anchor(metric_id: str) -> str:
    return "metric-" + _slug(metric_id)


def column_anchor(full_name: str) -> str:
    return _slug(full_name.replace(".", "-"))


def _slug(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text)


@dataclass(frozen=True)
class Tile:
    """One headline number.

    Arguments:
        detail: a line below, such as the change; `tone` colours it (good, bad, plain).
        spark: an SVG line.
        definition: where its definition stands.
    """

    label: str
    value: str
    detail: str = ""
    tone: str = "plain"
    spark: Markup | None = None
    definition: str | None = None
    tooltip: str = ""
    kind: str = "tile"


@dataclass(frozen=True)
class Tiles:
    tiles: Sequence[Tile]
    kind: str = "tiles"


@dataclass(frozen=True)
class Figure:
    """A chart with the sentence that it shows, and what to know when reading it."""

    title: str
    svg: Svg
    note: str = ""
    definition: str | None = None
    kind: str = "figure"


@dataclass(frozen=True)
class Pair:
    """Two figures side by side where there is room."""

    figures: Sequence[Figure]
    kind: str = "pair"


@dataclass(frozen=True)
class TableBlock:
    html: Markup
    title: str = ""
    note: str = ""
    definition: str | None = None
    kind: str = "table"


@dataclass(frozen=True)
class Prose:
    """A paragraph; `is_lead` sets it larger, `is_caution` sets it apart."""

    text: str | Markup
    is_lead: bool = False
    is_caution: bool = False
    kind: str = "prose"


@dataclass(frozen=True)
class Point:
    """One entry of a list: what, and why or with what in mind."""

    head: str | Markup
    body: str | Markup = ""
    count: str = ""


@dataclass(frozen=True)
class Points:
    points: Sequence[Point]
    is_ordered: bool = False
    kind: str = "points"


@dataclass(frozen=True)
class Notice:
    """Why there is nothing to show, and what would fill it."""

    text: str
    kind: str = "notice"


Part = Tile | Tiles | Figure | Pair | TableBlock | Prose | Points | Notice


@dataclass
class Section:
    key: str
    title: str
    lead: str
    parts: list[Part]
    held_back: list[str]


@dataclass
class Page:
    """A page under construction, with everything that its builder needs at hand.

    Arguments:
        definitions: address of a definition on the page of definitions -> its first words, for tooltips.
    """

    name: str
    published: Published
    texts: Texts
    formats: Formats
    charts: Charts
    sections: list[Section] = field(default_factory=list)
    definitions: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.texts(f"{self.name}.title")

    @property
    def question(self) -> str:
        return self.texts(f"{self.name}.question")

    @property
    def today(self) -> date:
        return self.published.last_complete_day

    def emptied(self) -> Page:
        """The same page without any section, for when it cannot be drawn."""
        return Page(self.name, self.published, self.texts, self.formats, self.charts)

    def t(self, key: str, **values: Any) -> str:
        """A text of this page; keys starting with a dot belong to all pages."""
        return self.texts(key[1:] if key.startswith(".") else f"{self.name}.{key}", **values)

    def section(
        self, key: str, needs: Sequence[str], build: Callable[[], Sequence[Part]], lead: str = ""
    ) -> None:
        """Add a section; where a table that it needs is missing or empty, it says what would fill it."""
        missing = self.published.missing(needs)
        parts: list[Part]
        if missing:
            sources = dict.fromkeys(
                self.texts(f"filled_by.{FILLED_BY[table]}") if table in FILLED_BY else table
                for table in missing
            )
            left_out = {left.full_name: left.reason for left in self.published.publication.left_out}
            reasons = [left_out[table] for table in missing if table in left_out]
            text = self.texts("missing", tables=", ".join(missing), filled_by=" ".join(sources))
            if reasons:
                text += " " + self.texts("missing_reason", reason="; ".join(dict.fromkeys(reasons)))
            parts = [Notice(text)]
        else:
            parts = list(build())
        held_back = [
            self.texts(
                "held_back",
                table=table.name,
                since=self.formats.moment(table.since),
                reason=table.reason or "",
            )
            for table in self.published.held_back(needs)
        ]
        self.sections.append(Section(key, self.t(f"{key}.title"), lead, parts, held_back))

    def metric(self, metric_id: str) -> str | None:
        """Where a metric is defined."""
        row = self.published.metrics.get(metric_id)
        if row is None:
            return None
        address = f"{DEFINITIONS}.html#{metric_anchor(metric_id)}"
        self.definitions[address] = self.texts.published(
            "metrics", metric_id, "definition", row["definition"] or ""
        )
        return address

    def metric_name(self, metric_id: str, default: str | None = None) -> str:
        """A metric's name in this language, as far as it is known there."""
        row = self.published.metrics.get(metric_id)
        name = row["metric_name"] if row else default or metric_id
        return str(self.texts.published("metrics", metric_id, "name", name))

    def column(self, full_name: str) -> str:
        """Where a column (`<schema>.<table>.<column>`) or a table is defined."""
        address = f"{DEFINITIONS}.html#{column_anchor(full_name)}"
        self.definitions[address] = self.published.comments.get(full_name) or self.texts("definitions.none")
        return address

    def marks(self, *metric_ids: str, mine: Callable[[ReleaseMark], bool] | None = None) -> list[Mark]:
        """The releases to mark on a series: with a number where they were meant to move one of the
        metrics (or are `mine`), else as a faint line."""
        return [
            Mark(
                mark.on,
                mark.number,
                mine(mark) if mine is not None else not mark.metric_ids.isdisjoint(metric_ids),
            )
            for mark in release_marks(self.published)
        ]

    def marks_note(self, marks: Sequence[Mark], first: date, last: date) -> str:
        """What the releases marked within a time are; empty where there is none."""
        by_number: dict[int | str, ReleaseMark] = {
            mark.number: mark for mark in release_marks(self.published)
        }
        shown = [mark for mark in marks if mark.number in by_number and first <= mark.on <= last]
        if not shown:
            return ""
        strong = [
            self.texts(
                "marks.one", n=mark.number, name=by_number[mark.number].name, day=self.formats.day(mark.on)
            )
            for mark in shown
            if mark.is_strong
        ]
        others = len(shown) - len(strong)
        sentences = []
        if strong:
            sentences.append(self.texts("marks.aimed", names="; ".join(strong)))
        if others:
            sentences.append(self.texts.plural("marks.others" if strong else "marks.only", others))
        return " ".join([*sentences, self.texts("marks.caution")])

    def series(
        self,
        title: str,
        data: pd.DataFrame,
        *,
        x: str,
        draw: Callable[[list[Mark]], Svg],
        marks: list[Mark],
        note: str = "",
        definition: str | None = None,
    ) -> Figure:
        """A figure over time, with the releases of its time marked and named."""
        moments = pd.to_datetime(data[x])
        told = "" if moments.empty else self.marks_note(marks, moments.min().date(), moments.max().date())
        return Figure(title, draw(marks), f"{note} {told}".strip(), definition)

    def in_words(
        self,
        title: str,
        data: pd.DataFrame,
        *,
        x: str,
        y: str,
        show: Callable[[Any], str],
        by: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> str:
        """What a chart shows, for those who cannot see it: each line's first and last value."""
        parts = []
        groups = data.groupby(by, sort=False) if by is not None else [("", data)]
        for group, rows in groups:
            rows = rows.dropna(subset=[y]).sort_values(x)
            if rows.empty:
                continue
            first, last = rows.iloc[0], rows.iloc[-1]
            parts.append(
                self.texts(
                    "alt.from_to",
                    name=(names or {}).get(str(group), str(group)),
                    first=show(first[y]),
                    start=self.formats.day(first[x]),
                    last=show(last[y]),
                    end=self.formats.day(last[x]),
                ).strip(" :")
            )
        return ". ".join([title, *parts])

    def names(self, names: Sequence[str], shown: int = 8) -> str:
        """The first few of a list, and how many more there are."""
        text = ", ".join(names[:shown])
        rest = len(names) - shown
        return text if rest <= 0 else self.texts("and_more", names=text, n=self.formats.number(rest))

    def tooltip(self, anchor: str | None) -> str:
        return self.definitions.get(anchor, "") if anchor else ""

    def table(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Sequence[Any],
        *,
        title: str = "",
        note: str = "",
        definition: str | None = None,
        kind: str = "",
    ) -> TableBlock:
        return TableBlock(
            html_table(f"{self.name}-{name}", columns, rows, kind=kind), title, note, definition
        )
