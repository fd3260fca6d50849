"""Tables as HTML, through great_tables.

Belongs here: turning rows into a table in the house's look. Does not belong here: which rows. Every cell
is escaped here, whatever it holds; a link is made only to a web address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

Cell = Callable[[Any], str | Markup]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Arguments:
        label: its heading.
        cell: from a row to what is shown; plain text is escaped, Markup is trusted.
        is_number: set right, with figures of equal width.
        is_wide_only: left out on a phone.
        definition: where its definition stands; the heading links there.
    """

    label: str
    cell: Cell
    is_number: bool = False
    is_wide_only: bool = False
    definition: str | None = None


def link(url: Any, text: str) -> str | Markup:
    """A link where the address is a web address; else the text alone."""
    if isinstance(url, str) and re.match(r"https?://[^\s\"'<>]+$", url):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(url, text)
    return text


def muted(text: str) -> Markup:
    return Markup('<span class="muted">{}</span>').format(text)


def badge(text: str, kind: str) -> Markup:
    """A small coloured word; `kind` is good, bad, warn or plain."""
    return Markup('<span class="badge {}">{}</span>').format(kind, text)


def shaded(text: str, share: float | None) -> Markup:
    """A cell of a heat map: the darker, the larger the share of 0 to 1; its ink stays readable on it."""
    if share is None:
        return Markup('<span class="heat none">{}</span>').format(text)
    level = min(9, max(0, int(share * 10)))
    return Markup('<span class="heat heat-{}">{}</span>').format(level, text)


def html_table(name: str, columns: Sequence[Column], rows: Sequence[Any], *, kind: str = "") -> Markup:
    """Rows as an HTML table.

    Arguments:
        name: unique on the page.
        kind: a class of the table, for the look.
    """
    head, row, foot = _laid_out(
        name,
        tuple((str(escape(_heading(column))), column.is_number, column.is_wide_only) for column in columns),
    )
    # great_tables lays out the heading and one row; every further row is that one again.
    body = "".join(row.format(*(str(escape(column.cell(one))) for column in columns)) for one in rows)
    return Markup((head + body + foot).replace('class="gt_table"', f'class="gt_table {kind}"', 1))


def _heading(column: Column) -> str | Markup:
    if column.definition is None or not column.label:
        return column.label
    return Markup('<a class="defined" href="{}">{}</a>').format(column.definition, column.label)


@lru_cache(maxsize=256)
def _laid_out(name: str, columns: tuple[tuple[str, bool, bool], ...]) -> tuple[str, str, str]:
    """What stands before the rows, one row with a `{}` per cell, and what stands after."""
    from great_tables import GT, html

    keys = [f"c{number}" for number in range(len(columns))]
    table = (
        GT(pd.DataFrame({key: ["cell"] for key in keys}, dtype="object"), id=f"table-{name}")
        .cols_label({key: html(label) for key, (label, _, _) in zip(keys, columns, strict=True)})
        .cols_align("right", [key for key, (_, is_number, _) in zip(keys, columns, strict=True) if is_number])
        .cols_align(
            "left", [key for key, (_, is_number, _) in zip(keys, columns, strict=True) if not is_number]
        )
    )
    text = table.as_raw_html()
    text = text[text.index("<table") : text.index("</table>") + len("</table>")]
    for key, (_, _, is_wide_only) in zip(keys, columns, strict=True):
        if is_wide_only:
            # Headings carry the id, cells name it.
            text = text.replace(f'id="table-{name}-{key}"', f'id="table-{name}-{key}" data-wide')
            text = text.replace(f'headers="table-{name}-{key}"', f'headers="table-{name}-{key}" data-wide')
    start, end = text.index("<tr>", text.index("<tbody")), text.index("</tbody>")
    row = text[start:end].replace("{", "{{").replace("}", "}}").replace(">cell<", ">{}<")
    return text[:start], row, text[end:]
