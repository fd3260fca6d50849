"""Tables as HTML, through great_tables.

Belongs here: turning rows into a table in the house's look. Does not belong here: which rows. Every cell
is escaped here, whatever it holds; a link is made only to a web address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    """

    label: str
    cell: Cell
    is_number: bool = False
    is_wide_only: bool = False


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


def html_table(name: str, columns: Sequence[Column], rows: Sequence[Any]) -> Markup:
    """Rows as an HTML table.

    Arguments:
        name: unique on the page.
    """
    from great_tables import GT

    keys = [f"c{number}" for number in range(len(columns))]
    cells = pd.DataFrame(
        {
            key: [str(escape(column.cell(row))) for row in rows]
            for key, column in zip(keys, columns, strict=True)
        },
        dtype="object",
    )
    table = (
        GT(cells, id=f"table-{name}")
        .cols_label(dict(zip(keys, (column.label for column in columns), strict=True)))
        # Already escaped above, each cell by itself.
        .fmt(fns=str, columns=keys)
        .cols_align("right", [key for key, column in zip(keys, columns, strict=True) if column.is_number])
        .cols_align("left", [key for key, column in zip(keys, columns, strict=True) if not column.is_number])
    )
    text = table.as_raw_html()
    body = text[text.index("<table") : text.index("</table>") + len("</table>")]
    for key, column in zip(keys, columns, strict=True):
        if column.is_wide_only:
            # Headings carry the id, cells name it.
            body = body.replace(f'id="table-{name}-{key}"', f'id="table-{name}-{key}" data-wide')
            body = body.replace(f'headers="table-{name}-{key}"', f'headers="table-{name}-{key}" data-wide')
    return Markup(body)
