"""The pages, drawn from a whole company: complete, harmless, and honest about what is missing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.publishing.publication import LeftOut, Publication, PublishedTable
from orchestration.publishing.report import Rendered, render_pages
from orchestration.publishing.report.texts import Texts
from tests.unit.publishing.company import HOSTILE, NOW, Tables, make_tables, write_warehouse

NAMES = [
    "product_review",
    "metrics",
    "customers",
    "delivery",
    "governance",
    "data_health",
    "definitions",
    "index",
]


class Seen(HTMLParser):
    """What a browser would make of a page: elements, attributes, ids and links."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    handle_startendtag = handle_starttag

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


@dataclass
class Site:
    folder: Path
    rendered: Rendered

    def text(self, name: str) -> str:
        return (self.folder / f"{name}.html").read_text(encoding="utf-8")

    def seen(self, name: str) -> Seen:
        parser = Seen()
        parser.feed(self.text(name))
        return parser


def draw(folder: Path, content: Tables, **changes: Any) -> Site:
    """Write tables as if they had been published, and draw the pages of them."""
    database = write_warehouse(folder / "norte.duckdb", content)
    if "metric.mart_metric__mrr_monthly" in content:
        with duckdb.connect(str(database)) as connection:
            connection.execute(
                "comment on column metric.mart_metric__mrr_monthly.nrr_12m_ratio is 'NRR, <b>defined</b>.'"
            )
    listed = tuple(PublishedTable(*name.split("."), len(frame)) for name, frame in content.items())
    publication = replace(Publication("000001-test", NOW, NOW, folder, listed), **changes)
    return Site(folder / "pages", render_pages(database, folder / "pages", publication=publication))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_tables()


@pytest.fixture(scope="module")
def site(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return draw(tmp_path_factory.mktemp("site"), tables)


def test_every_page_is_drawn_without_an_error(site: Site) -> None:
    assert site.rendered.errors == {}
    assert [path.stem for path in site.rendered.paths] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_needs_no_network_and_no_script(site: Site, name: str) -> None:
    seen = site.seen(name)
    assert {tag for tag, _ in seen.elements} & {
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "img",
        "form",
    } == set()
    assert not [
        attribute for _, attributes in seen.elements for attribute in attributes if attribute.startswith("on")
    ]
    assert seen.all("src") == []
    assert "url(" not in site.text(name) and "@import" not in site.text(name)
    # Links leave only to the systems that the numbers come from, or to other pages.
    for address in seen.all("href"):
        assert re.match(r"(#[\w-]+$|[a-z_]+\.html(#[\w-]+)?$|https://[\w.-]+/)", address), address


@pytest.mark.parametrize("name", NAMES)
def test_every_link_within_the_pages_has_its_target(site: Site, name: str) -> None:
    seen = site.seen(name)
    ids = seen.all("id")
    assert len(ids) == len(set(ids))
    for address in seen.all("href"):
        file, _, anchor = address.partition("#")
        if address.startswith("https:"):
            continue
        assert not file or (site.folder / file).exists(), address
        assert not anchor or anchor in (site.seen(file.removesuffix(".html")).all("id") if file else ids)


def test_hostile_text_is_shown_as_text(site: Site) -> None:
    shown = site.text("product_review") + site.text("customers")
    assert HOSTILE not in shown
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in shown
    assert "<b>defined</b>" not in site.text("metrics") + site.text("definitions")


def test_hostile_names_and_labels_are_harmless_in_charts_too(tables: Tables, tmp_path: Path) -> None:
    changed = {name: frame.copy() for name, frame in tables.items()}
    changed["metric.dim_teams"]["team_name"] = HOSTILE
    changed["metric.fct_deals"]["loss_reason"] = HOSTILE
    changed["metric.dim_metrics"]["metric_name"] = HOSTILE
    changed["metric.dim_accounts"]["crm_url"] = "javascript:alert(1)"
    changed["delivery.dim_deliveries"]["delivery_name"] = HOSTILE
    changed["delivery.fct_work_items"]["work_item_url"] = 'https://x" onmouseover="alert(1)'
    hostile = draw(tmp_path, changed)
    assert hostile.rendered.errors == {}
    for name in NAMES:
        seen = hostile.seen(name)
        assert not {tag for tag, _ in seen.elements} & {"script", "img"}
        assert not [one for _, attributes in seen.elements for one in attributes if one.startswith("on")]
        assert not [address for address in seen.all("href") if "javascript" in address or "alert" in address]


def test_charts_are_text_that_scales_and_comes_in_two_widths(site: Site) -> None:
    charts = re.findall(r'<svg xmlns="http://www.w3.org/2000/svg" class="chart" (.*?)>', site.text("metrics"))
    assert len(charts) >= 8 and len(charts) % 2 == 0
    assert all("viewBox=" in chart and "aria-label=" in chart and ' width="' not in chart for chart in charts)
    assert "<text" in site.text("metrics")


def test_numbers_point_to_their_definitions(site: Site) -> None:
    text, definitions = site.text("metrics"), site.text("definitions")
    assert 'href="definitions.html#metric-active_people_7d"' in text
    assert 'id="metric-active_people_7d"' in definitions
    assert "NRR, &lt;b&gt;defined&lt;/b&gt;." in definitions


def test_the_review_claims_no_effect(site: Site) -> None:
    text = site.text("product_review")
    assert Texts("en")("product_review.did.no_verdicts") in text
    assert "not measured yet" in text
    assert not re.search(r"\b(improved|worsened|thanks to|led to|caused)\b", text)


def test_nps_of_few_answers_is_not_a_number(tmp_path: Path, site: Site) -> None:
    assert re.search(r"\+\d+, on 84 answers .* lies between \+\d+ and \+\d+", site.text("customers"))
    few = draw(tmp_path, make_tables(nps_answers=12))
    assert "Too few answers to give a number: 12 in the last 90 days" in few.text("customers")
    assert "too few" in few.text("product_review")


def test_old_sources_and_held_back_tables_are_flagged_where_they_are_used(
    tables: Tables, tmp_path: Path
) -> None:
    listed = tuple(
        PublishedTable(
            *name.split("."), len(frame), *([True, NOW, "the check x failed"] if "tickets" in name else [])
        )
        for name, frame in tables.items()
    )
    flagged = draw(tmp_path, tables, tables=listed)
    assert "mixpanel was last read on 3 Oct 2026" in flagged.text("metrics")
    sentence = (
        "fct_tickets is shown as of 5 Oct 2026, 06:00 UTC: its new state was held back,"
        " because the check x failed"
    )
    assert sentence in flagged.text("metrics")
    assert sentence not in flagged.text("delivery")
    assert "metric.fct_tickets" in flagged.text("data_health")


def test_a_page_without_its_input_says_what_would_fill_it(tables: Tables, tmp_path: Path) -> None:
    kept = {name: frame for name, frame in tables.items() if name.startswith("delivery.")}
    left_out = (
        LeftOut("metric", "fct_tickets", "the table was not built; no earlier publication has it either"),
    )
    partial = draw(tmp_path, kept, left_out=left_out)
    assert partial.rendered.errors == {}
    assert "metric.fct_tickets, metric.mart_metric__daily is missing or empty" in partial.text("metrics")
    assert "support tool (Zendesk)" in partial.text("metrics")
    assert "the table was not built" in partial.text("metrics")
    assert "Items done per week" in partial.text("delivery")


def test_nothing_at_all_still_gives_pages(tmp_path: Path) -> None:
    empty = draw(tmp_path, {})
    assert empty.rendered.errors == {}
    assert "Mixpanel" in empty.text("metrics")


def test_tables_without_rows_are_as_good_as_missing(tables: Tables, tmp_path: Path) -> None:
    hollow = draw(tmp_path, {name: frame.head(0) for name, frame in tables.items()})
    assert hollow.rendered.errors == {}


def test_a_young_company_gets_pages_without_errors(tmp_path: Path) -> None:
    young = draw(tmp_path, make_tables(months=2, accounts=6))
    assert young.rendered.errors == {}


def test_a_page_that_cannot_be_drawn_does_not_stop_the_others(tables: Tables, tmp_path: Path) -> None:
    broken = {**tables, "delivery.fct_work_items": tables["delivery.fct_work_items"].drop(columns="done_at")}
    site = draw(tmp_path, broken)
    assert list(site.rendered.errors) == ["delivery"]
    assert "could not be drawn" in site.text("delivery") and "could not be drawn" in site.text("index")
    assert "Recurring revenue" in site.text("metrics")


def test_the_same_file_gives_the_same_pages(tables: Tables, site: Site, tmp_path: Path) -> None:
    again = draw(tmp_path, tables)
    for name in NAMES:
        assert again.text(name) == site.text(name)


def test_every_page_names_a_source_that_lies_behind_even_within_its_promise(
    tmp_path: Path,
) -> None:
    content = make_tables()
    health = content["governance.mart_governance__data_health"]
    is_zendesk = (health.subject_type == "source") & (health.subject == "zendesk")
    health.loc[is_zendesk, "last_loaded_at"] = health.loc[is_zendesk, "last_loaded_at"] - pd.Timedelta(
        hours=23
    )
    site = draw(tmp_path, content)
    for name in set(NAMES) - {"definitions"}:
        assert "zendesk was last read on" in site.text(name), name
        assert "jira was last read on" not in site.text(name), name
