"""Writes the pages of a publication.

Belongs here: the list of pages, and from parts to HTML files. Does not belong here: any page's content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from orchestration.publishing.publication import Publication
from orchestration.publishing.report.charts import Charts
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.page import Page
from orchestration.publishing.report.pages import BUILDERS
from orchestration.publishing.report.published import Published
from orchestration.publishing.report.texts import Texts

logger = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index"


@dataclass(frozen=True)
class Rendered:
    """The files that were written, and pages that could not be drawn with the error."""

    paths: list[Path]
    errors: Mapping[str, str] = field(default_factory=dict)


def render_pages(
    published_duckdb: Path,
    out: Path,
    *,
    publication: Publication,
    language: str = "en",
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Rendered:
    """Write every page, and an index that links them.

    A page that cannot be drawn becomes a page that says so: one odd value must not keep all the others from
    readers.

    Arguments:
        published_duckdb: the published file.
        out: the folder to write to; made when missing.
        publication: what was published, with what is held back.
        language: of the texts.
    """
    out.mkdir(parents=True, exist_ok=True)
    texts = Texts(language)
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts = Charts(texts.months())
    paths: list[Path] = []
    errors: dict[str, str] = {}
    with Published(published_duckdb, publication) as published:
        thousands, decimal = texts.separators()
        formats = Formats(texts.months(), thousands, decimal, published.currency)
        names = [*BUILDERS, INDEX]
        for number, (name, build) in enumerate(BUILDERS.items(), start=1):
            page = Page(name, published, texts, formats, charts)
            error = None
            try:
                build(page)
            except Exception as found:
                logger.exception("the page %s could not be drawn", name)
                error = f"{type(found).__name__}: {found}".splitlines()[0]
                errors[name] = error
                page = Page(name, published, texts, formats, charts)
            paths.append(_write(templates, out, name, page, "page.html.j2", error=error))
            if on_progress is not None:
                on_progress("draw pages", number, len(names))
        page = Page(INDEX, published, texts, formats, charts)
        paths.append(_write(templates, out, INDEX, page, "index.html.j2", error=None, broken=errors))
        if on_progress is not None:
            on_progress("draw pages", len(names), len(names))
    return Rendered(paths, errors)


def _write(
    templates: jinja2.Environment, out: Path, name: str, page: Page, template: str, **values: Any
) -> Path:
    published = page.published
    formats = page.formats
    age_hours = (published.now - published.publication.data_as_of).total_seconds() / 3600
    stale = []
    if not published.missing(["governance.mart_governance__data_health"]):
        stale = [
            page.texts("stale_source", source=row["subject"], loaded=formats.moment(row["last_loaded_at"]))
            for row in published.rows(
                # Late by its promise, or an hour behind the others: a page may mix what both brought.
                "select subject, last_loaded_at from ("
                " select *, max(last_loaded_at) over () as newest"
                " from governance.mart_governance__data_health where subject_type = 'source')"
                " where not is_fresh or last_loaded_at < newest - interval 1 hour order by subject"
            )
        ]
    path = out / f"{name}.html"
    path.write_text(
        templates.get_template(template).render(
            page=page,
            t=page.texts,
            names=list(BUILDERS),
            style=(_TEMPLATES / "style.css").read_text(encoding="utf-8"),
            as_of=formats.moment(published.publication.data_as_of),
            published_at=formats.moment(published.now),
            age=formats.hours(age_hours) if age_hours >= 1 else None,
            currency=published.currency,
            stale=stale,
            publication=published.publication,
            formats=formats,
            **values,
        ),
        encoding="utf-8",
    )
    return path
