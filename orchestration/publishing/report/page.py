"""What a page is made of: sections of tiles, charts, tables, paragraphs and lists.

Belongs here: the parts, what a section needs to be shown, and the definitions that a page's numbers point
to. Does not belong here: any page's content (`pages/`) and HTML (`templates/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from markupsafe import Markup

from orchestration.publishing.report.charts import Charts, Svg
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.published import FILLED_BY, Published
from orchestration.publishing.report.tables import Column, html_table
from orchestration.publishing.report.texts import Texts


@dataclass(frozen=True)
class Tile:
    """One headline number.

    Arguments:
        detail: a line below, such as the change; `tone` colours it (good, bad, plain).
        spark: an SVG line.
        definition: anchor of its definition on the page.
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


@dataclass(frozen=True)
class Definition:
    anchor: str
    name: str
    text: str
    details: Sequence[str] = ()


@dataclass
class Section:
    key: str
    title: str
    lead: str
    parts: list[Part]
    held_back: list[str]


@dataclass
class Page:
    """A page under construction, with everything that its builder needs at hand."""

    name: str
    published: Published
    texts: Texts
    formats: Formats
    charts: Charts
    sections: list[Section] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.texts(f"{self.name}.title")

    @property
    def question(self) -> str:
        return self.texts(f"{self.name}.question")

    @property
    def today(self) -> date:
        return self.published.last_complete_day

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
        """The anchor of a metric's definition, which the page then shows."""
        row = self.published.metrics.get(metric_id)
        if row is None:
            return None
        anchor = f"def-{metric_id}"
        details = [self.texts("definitions.question", text=row["question"])] if row["question"] else []
        if row["leaves_out"]:
            details.append(self.texts("definitions.leaves_out", text=str(row["leaves_out"]).rstrip(".")))
        details.append(
            self.texts("definitions.owner", text=row["owner"])
            if row["owner"]
            else self.texts("definitions.no_owner")
        )
        if row["source_table"]:
            details.append(self.texts("definitions.source", text=row["source_table"]))
        self.definitions[anchor] = Definition(anchor, row["metric_name"], row["definition"] or "", details)
        return anchor

    def column(self, full_name: str, name: str) -> str:
        """The anchor of the definition of a column (`<schema>.<table>.<column>`) or of a table."""
        anchor = "def-" + full_name.replace(".", "-")
        text = self.published.comments.get(full_name) or self.texts("definitions.none")
        self.definitions[anchor] = Definition(
            anchor, name, text, [self.texts("definitions.source", text=full_name)]
        )
        return anchor

    def names(self, names: Sequence[str], shown: int = 8) -> str:
        """The first few of a list, and how many more there are."""
        text = ", ".join(names[:shown])
        rest = len(names) - shown
        return text if rest <= 0 else self.texts("and_more", names=text, n=self.formats.number(rest))

    def tooltip(self, anchor: str | None) -> str:
        return self.definitions[anchor].text if anchor in self.definitions else ""

    def table(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Sequence[Any],
        *,
        title: str = "",
        note: str = "",
        definition: str | None = None,
    ) -> TableBlock:
        return TableBlock(html_table(f"{self.name}-{name}", columns, rows), title, note, definition)
