"""Writes the pages of a publication, in every language.

Belongs here: the list of pages, and from parts to HTML files. Does not belong here: any page's content.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from orchestration.publishing.publication import Publication
from orchestration.publishing.report.charts import Charts
from orchestration.publishing.report.definitions import Definitions, collect
from orchestration.publishing.report.drawing import Drawings
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.page import DEFINITIONS, Page
from orchestration.publishing.report.pages import BUILDERS
from orchestration.publishing.report.published import Published
from orchestration.publishing.report.texts import Texts

logger = logging.getLogger(__name__)

_TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index"


@dataclass(frozen=True)
class Rendered:
    """The files that were written, and pages that could not be drawn with the error.

    Arguments:
        names: of the files below the folder of pages, in the order of writing.
        errors: page -> what went wrong with it; a language other than the first is named before it.
    """

    paths: list[Path]
    names: list[str]
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Language:
    """Where the pages of one language lie, seen from the folder of all pages."""

    texts: Texts
    folder: str

    def file(self, name: str) -> str:
        return f"{self.folder}{name}.html"


def render_pages(
    published_duckdb: Path,
    out: Path,
    *,
    publication: Publication,
    languages: Sequence[str] = ("en",),
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Rendered:
    """Write every page, an index that links them and the definitions that they point to.

    A page that cannot be drawn becomes a page that says so: one odd value must not keep all the others from
    readers.

    Arguments:
        published_duckdb: the published file.
        out: the folder to write to; made when missing.
        publication: what was published, with what is held back.
        languages: of the pages; those of the first lie in `out`, those of the others in folders named after
            the language.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    there = [
        _Language(Texts(language), "" if number == 0 else f"{language}/")
        for number, language in enumerate(dict.fromkeys(languages))
    ]
    total = len(there) * (len(BUILDERS) + 2)
    files: list[str] = []
    errors: dict[str, str] = {}

    with Published(published_duckdb, publication) as published, Drawings() as drawings:
        # Charts are drawn beside: all pages are put together before the first waits for its pictures.
        built = [(one, *_build(one, published, drawings, errors)) for one in there]
        for one, pages, broken in built:
            (out / one.folder).mkdir(parents=True, exist_ok=True)
            for page in pages:
                switch = [
                    (other.texts, f"{'../' if one.folder else ''}{other.file(page.name)}")
                    for other in there
                    if other is not one
                ]
                try:
                    text = _html(templates, page, switch, broken)
                except Exception as found:
                    broken[page.name] = _tell(one, page.name, found, errors)
                    text = _html(templates, page.emptied(), switch, broken)
                (out / one.file(page.name)).write_text(text, encoding="utf-8")
                files.append(one.file(page.name))
                if on_progress is not None:
                    on_progress("draw pages", len(files), total)
    return Rendered([out / name for name in files], files, errors)


def _build(
    language: _Language, published: Published, drawings: Drawings, errors: dict[str, str]
) -> tuple[list[Page], dict[str, str]]:
    texts = language.texts
    conventions = texts.conventions()
    formats = Formats(conventions, published.currency)
    charts = Charts(conventions, drawings)
    pages = []
    broken: dict[str, str] = {}
    for name, build in BUILDERS.items():
        page = Page(name, published, texts, formats, charts)
        try:
            build(page)
        except Exception as found:
            broken[name] = _tell(language, name, found, errors)
            page = page.emptied()
        pages.append(page)
    # The index comes last: it names the pages that could not be drawn.
    pages += [Page(name, published, texts, formats, charts) for name in (DEFINITIONS, INDEX)]
    return pages, broken


def _tell(language: _Language, name: str, found: Exception, errors: dict[str, str]) -> str:
    logger.error("the page %s could not be drawn", language.file(name), exc_info=found)
    error = f"{type(found).__name__}: {found}".splitlines()[0]
    errors[language.folder + name] = error
    return error


def _html(
    templates: jinja2.Environment,
    page: Page,
    switch: Sequence[tuple[Texts, str]],
    broken: Mapping[str, str],
) -> str:
    published = page.published
    formats = page.formats
    age_hours = (published.now - published.publication.data_as_of).total_seconds() / 3600
    template = {INDEX: "index.html.j2", DEFINITIONS: "definitions.html.j2"}.get(page.name, "page.html.j2")
    definitions: Definitions | None = collect(page) if page.name == DEFINITIONS else None
    values: dict[str, Any] = {
        "page": page,
        "t": page.texts,
        "names": list(BUILDERS),
        "style": (_TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "as_of": formats.moment(published.publication.data_as_of),
        "published_at": formats.moment(published.now),
        "age": formats.hours(age_hours) if age_hours >= 1 else None,
        "currency": published.currency,
        "stale": _stale(page),
        "publication": published.publication,
        "formats": formats,
        "switch": switch,
        "broken": broken,
        "error": broken.get(page.name),
        "definitions": definitions,
    }
    return templates.get_template(template).render(values)


def _stale(page: Page) -> list[str]:
    published = page.published
    if published.missing(["governance.mart_governance__data_health"]):
        return []
    return [
        page.texts("stale_source", source=row["subject"], loaded=page.formats.moment(row["last_loaded_at"]))
        for row in published.rows(
            # Late by its promise, or an hour behind the others: a page may mix what both brought.
            "select subject, last_loaded_at from ("
            " select *, max(last_loaded_at) over () as newest"
            " from governance.mart_governance__data_health where subject_type = 'source')"
            " where not is_fresh or last_loaded_at < newest - interval 1 hour order by subject"
        )
    ]
