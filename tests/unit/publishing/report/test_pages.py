"""The pages, drawn from a whole company: complete, harmless, and honest about what is missing."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.publishing.publication import LeftOut, Publication, PublishedTable
from orchestration.publishing.report import Rendered, render_pages
from orchestration.publishing.report.formats import Formats
from orchestration.publishing.report.texts import Texts
from tests.unit.publishing.company import HOSTILE, NOW, Tables, make_tables, write_warehouse

NAMES = [
    "product_review",
    "metrics",
    "customers",
    "delivery",
    "impact",
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


def draw(folder: Path, content: Tables, languages: tuple[str, ...] = ("en",), **changes: Any) -> Site:
    """Write tables as if they had been published, and draw the pages of them."""
    database = write_warehouse(folder / "norte.duckdb", content)
    if "metric.mart_metric__mrr_monthly" in content:
        with duckdb.connect(str(database)) as connection:
            connection.execute(
                "comment on column metric.mart_metric__mrr_monthly.nrr_12m_ratio is 'NRR, <b>defined</b>.'"
            )
    listed = tuple(PublishedTable(*name.split("."), len(frame)) for name, frame in content.items())
    publication = replace(Publication("000001-test", NOW, NOW, folder, listed), **changes)
    pages = folder / "pages"
    return Site(pages, render_pages(database, pages, publication=publication, languages=languages))


@pytest.fixture(scope="module")
def tables() -> Tables:
    return make_tables()


@pytest.fixture(scope="module")
def site(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return draw(tmp_path_factory.mktemp("site"), tables, ("en", "pt"))


def test_every_page_is_drawn_without_an_error(site: Site) -> None:
    assert site.rendered.errors == {}
    assert site.rendered.names == [f"{folder}{name}.html" for folder in ("", "pt/") for name in NAMES]


@pytest.mark.parametrize("name", [*NAMES, *(f"pt/{name}" for name in NAMES)])
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
        assert re.match(r"(#[\w-]+$|(\.\./|pt/)?[a-z_]+\.html(#[\w-]+)?$|https://[\w.-]+/)", address), address


@pytest.mark.parametrize("name", [*NAMES, *(f"pt/{name}" for name in NAMES)])
def test_every_link_within_the_pages_has_its_target(site: Site, name: str) -> None:
    seen = site.seen(name)
    ids = seen.all("id")
    assert len(ids) == len(set(ids))
    for address in seen.all("href"):
        file, _, anchor = address.partition("#")
        if address.startswith("https:"):
            continue
        target = (site.folder / f"{name}.html").parent / file if file else site.folder / f"{name}.html"
        assert target.exists(), address
        assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), address


def test_hostile_text_is_shown_as_text(site: Site) -> None:
    shown = site.text("product_review") + site.text("customers")
    assert HOSTILE not in shown
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in shown
    assert "<b>defined</b>" not in site.text("metrics") + site.text("definitions")


def test_hostile_names_and_labels_are_harmless_everywhere(tables: Tables, tmp_path: Path) -> None:
    endless = "Wort" * 1_250
    turned = "\u202egro.live\u202c \u2066x\u2069 \x07\x1b[31m"
    emoji = "👩‍👩‍👧‍👦🇧🇷" * 40
    quotes = "\"'><svg onload=alert(1)>{{ 7 * 7 }} {0} & </text></svg>"
    changed = {name: frame.copy() for name, frame in tables.items()}

    def put(table: str, column: str, *texts: str) -> None:
        frame = changed[table]
        frame[column] = [texts[n % len(texts)] for n in range(len(frame))]

    put("metric.dim_teams", "team_name", HOSTILE, endless, quotes, turned)
    put("metric.fct_deals", "loss_reason", HOSTILE, quotes, emoji)
    put("metric.fct_mrr_movements", "churn_reason", quotes, endless)
    put("metric.dim_metrics", "metric_name", HOSTILE, quotes, endless)
    put("metric.dim_metrics", "definition", HOSTILE, quotes)
    put("metric.dim_accounts", "account_name", HOSTILE, endless, turned, emoji)
    put("metric.dim_accounts", "crm_url", "javascript:alert(1)", "https://x/" + "y" * 9_000)
    put("metric.mart_metric__pipeline_daily", "stage_name", quotes, emoji)
    put("metric.mart_metric__active_daily", "segment", HOSTILE, quotes, "all")
    put("insight.fct_feedback", "tags", HOSTILE, quotes, endless, turned)
    put("insight.dim_themes", "name_en", HOSTILE, quotes)
    put("insight.mart_insight__opportunities", "name_en", HOSTILE, endless)
    put("insight.mart_insight__opportunities", "owner", quotes, turned)
    put("insight.mart_insight__opportunities", "delivery_ids", HOSTILE, quotes)
    put("insight.mart_insight__voice_of_customer", "segment", quotes, "all", HOSTILE)
    put("insight.mart_insight__loop_closure", "delivery_id", HOSTILE, quotes, endless)
    put("delivery.dim_deliveries", "delivery_name", HOSTILE, endless, turned)
    put("delivery.fct_work_items", "work_item_url", 'https://x" onmouseover="alert(1)')
    put("delivery.fct_work_items", "status_name", quotes, turned)
    put("delivery.fct_sprints", "sprint_name", quotes, endless)
    put("delivery.fct_releases", "release_name", quotes, emoji)
    put("impact.mart_impact__release_marks", "mark_name", HOSTILE, quotes, endless, turned)
    put("impact.mart_impact__decisions", "title", HOSTILE, quotes, endless)
    put("impact.mart_impact__key_results", "name", quotes, emoji, turned)
    put("governance.mart_governance__process_health", "subject_name", quotes, endless)
    put("governance.mart_governance__data_health", "subject", HOSTILE, quotes)
    hostile = draw(tmp_path, changed, ("en", "pt"))
    assert hostile.rendered.errors == {}
    for name in (*NAMES, *(f"pt/{name}" for name in NAMES)):
        seen, text = hostile.seen(name), hostile.text(name)
        assert not {tag for tag, _ in seen.elements} & {"script", "img", "foreignobject"}
        assert not [one for _, attributes in seen.elements for one in attributes if one.startswith("on")]
        assert not [address for address in seen.all("href") if "javascript" in address or "alert" in address]
        # Nothing turns the text around, hides in it, or pushes the page apart.
        assert not re.search("[\\u202a-\\u202e\\u2066-\\u2069\\x00-\\x08\\x0e-\\x1f]", text)
        assert "Wort" * 60 not in text
        assert "49" not in "".join(re.findall(r"alert\(1\)&gt;(.{0,9})", text))
        assert all(len(address) <= 2_000 for address in seen.all("href"))


def test_charts_are_text_that_scales_and_comes_in_two_widths(site: Site) -> None:
    charts = re.findall(r'<svg xmlns="http://www.w3.org/2000/svg" class="chart" (.*?)>', site.text("metrics"))
    assert len(charts) >= 8 and len(charts) % 2 == 0
    assert all("viewBox=" in chart and "aria-label=" in chart and ' width="' not in chart for chart in charts)
    assert "<text" in site.text("metrics")


@pytest.mark.parametrize("name", NAMES[:6])
def test_every_number_leads_to_its_definition(site: Site, name: str) -> None:
    text = site.text(name)
    tiles = re.findall(r'<div class="label">(.*?)</div>', text)
    headings = re.findall(r'<th class="gt_col_heading[^"]*gt_right"[^>]*>(.*?)</th>', text, re.S)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    for one in [*tiles, *(one for one in headings if one.strip()), *captions]:
        assert 'href="definitions.html#' in one, one


def test_numbers_point_to_their_definitions(site: Site) -> None:
    text, definitions = site.text("metrics"), site.text("definitions")
    assert 'href="definitions.html#metric-active_people_7d"' in text
    assert 'id="metric-active_people_7d"' in definitions
    assert "NRR, &lt;b&gt;defined&lt;/b&gt;." in definitions


def test_only_a_verdict_speaks_of_an_effect_and_says_how_sure_it_is(site: Site) -> None:
    text = site.text("product_review")
    assert Texts("en")("product_review.did.caution") in text
    assert "+12.0% (95%: +6.0% to +18.0%)" in site.text("impact")
    assert not re.search(r"\b(thanks to|led to|caused)\b", text)


def test_the_page_on_impact_says_what_is_unknown(site: Site) -> None:
    text = site.text("impact")
    assert "One of 4 estimates stands out from chance" in text
    assert "Too early to say" in text and "3 of 8 complete weeks" in text
    assert "unknown" in text and "Unexplained" in text
    assert "Effects below about 2%." in text


def test_tickets_of_a_theme_are_not_shown_as_all_tickets(tables: Tables, site: Site, tmp_path: Path) -> None:
    assert "(only tickets of its theme)" in site.text("impact")
    older = tables["impact.fct_delivery_impact"].drop(columns="theme_id")
    before = draw(tmp_path, {**tables, "impact.fct_delivery_impact": older})
    assert "(only tickets of its theme)" not in before.text("impact")
    assert "+12.0% (95%: +6.0% to +18.0%)" in before.text("impact")


def test_a_claim_without_a_course_is_not_said_to_be_none(tables: Tables, tmp_path: Path) -> None:
    """A release to everybody is one series, and satisfaction is not read by week."""
    weekly = "impact.fct_delivery_impact_weekly"
    text = draw(tmp_path, {**tables, weekly: tables[weekly].assign(delivery_id="another")}).text("impact")
    assert "What stands out has no course by week" in text
    assert "No effect stands out" not in text


def test_nps_of_few_answers_is_not_a_number(tmp_path: Path, site: Site) -> None:
    told = section(site, "customers", "satisfaction")
    assert "NPS was +31 in the 90 days to 4 Oct 2026: 84 people answered" in told
    assert "lies between +14 and +48 (95% interval). 91% of 64 rated tickets were good" in told
    # By segment, each with its own number of answers.
    assert "Small business +31 (+14 to +48) 40 too few 12 27%" in told
    assert "Enterprise too few 12 91% (86% to 96%) 33 27%" in told
    # The product review tells the same numbers.
    said = section(site, "product_review", "said")
    assert "84 people answered, and the true value lies between +14 and +48" in said
    assert "91% of 64 rated tickets were good" in said
    content = make_tables(nps_answers=12)
    voice = content["insight.mart_insight__voice_of_customer"]
    voice.loc[voice.measure == "nps", ["answer_count", "is_too_few"]] = [12, True]
    few = draw(tmp_path, content)
    assert "Too few answers to give an NPS: 12 in the 90 days to" in few.text("customers")
    assert "+31" not in section(few, "customers", "satisfaction")
    assert "Too few answers to give an NPS: 12 in the 90 days to" in few.text("product_review")
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
    assert "metric.mart_metric__support_performance, metric.fct_tickets is missing or empty" in partial.text(
        "metrics"
    )
    assert "support tool (Zendesk, Intercom)" in partial.text("metrics")
    assert "the table was not built" in partial.text("metrics")
    assert "Items done per week" in partial.text("delivery")


def test_tables_without_rows_are_as_good_as_missing(tables: Tables, tmp_path: Path) -> None:
    hollow = draw(tmp_path, {name: frame.head(0) for name, frame in tables.items()})
    assert hollow.rendered.errors == {}


def test_a_young_company_gets_pages_without_errors(tmp_path: Path) -> None:
    tables = make_tables(months=2, accounts=6)
    support = "metric.mart_metric__support_performance"
    counts = [name for name in tables[support] if name.endswith(("_judged_count", "_attained_count"))]
    young = draw(tmp_path, tables | {support: tables[support].assign(**dict.fromkeys(counts, 0))})
    assert young.rendered.errors == {}
    assert "Nobody has said how soon an answer is due (sla_targets.csv" in young.text("metrics")


def test_what_was_promised_is_told_with_how_often_it_was_held(site: Site) -> None:
    assert "First replies in time in the 28 days to 4 Oct 2026: 75%, before 75%." in site.text("metrics")
    assert "Solved in time: 28 of 28 (too few for a share)" in site.text("metrics")


def test_a_page_that_cannot_be_drawn_does_not_stop_the_others(tables: Tables, tmp_path: Path) -> None:
    flow = "delivery.mart_delivery__flow_daily"
    broken = {**tables, flow: tables[flow].drop(columns="throughput_count")}
    site = draw(tmp_path, broken)
    assert list(site.rendered.errors) == ["delivery"]
    assert "could not be drawn" in site.text("delivery") and "could not be drawn" in site.text("index")
    assert "Recurring revenue" in site.text("metrics")


def test_the_same_file_gives_the_same_pages(tables: Tables, site: Site, tmp_path: Path) -> None:
    again = draw(tmp_path, tables, ("en", "pt"))
    for name in (*NAMES, *(f"pt/{name}" for name in NAMES)):
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


def section(site: Site, page: str, key: str) -> str:
    """The words of a section, as a reader sees them."""
    found = re.search(rf'<section id="{key}".*?</section>', site.text(page), re.S)
    assert found is not None, key
    return re.sub(r"[ \n]+", " ", html.unescape(re.sub(r"<[^>]+>", " ", found[0])))


def test_the_numbers_on_the_pages_are_those_of_the_marts(site: Site, tables: Tables) -> None:
    english, portuguese = (Formats(Texts(one).conventions(), "USD") for one in ("en", "pt"))

    months = tables["metric.mart_metric__mrr_monthly"]
    months = months[(months.segment == "all") & months.is_complete].sort_values("month_start_on")
    last = months.iloc[-1]
    for formats, folder in ((english, ""), (portuguese, "pt/")):
        told = section(site, f"{folder}metrics", "revenue")
        for amount in (
            last.closing_mrr_amount,
            last.expansion_amount,
            last.churn_amount + last.contraction_amount,
        ):
            assert formats.money(amount) in told
        kept = section(site, f"{folder}metrics", "retention")
        assert formats.percent(last.nrr_12m_ratio) in kept and formats.percent(last.grr_12m_ratio) in kept

    flow = tables["delivery.mart_delivery__flow_daily"]
    flow = flow[(flow.team_id == "all") & flow.is_complete].sort_values("date_on").tail(56)
    done, before = flow.throughput_count.tail(28).sum(), flow.throughput_count.head(28).sum()
    assert f"{done} stories, bugs, tasks and sub-tasks were done" in section(site, "delivery", "flow")
    assert f"against {before} in the 28 days before" in section(site, "delivery", "flow")

    evidence = tables["governance.mart_governance__roadmap_evidence"]
    month = evidence[evidence.is_complete].month_start_on.max()
    rows = evidence[evidence.month_start_on == month].set_index("evidence_label").people_days_ratio
    share = english.percent(rows["evidence-backed"] + rows["metric-backed"], 0)
    assert f"{share} of the" in section(site, "governance", "over_time")

    sprints = tables["delivery.fct_sprints"]
    closed = sprints[sprints.state == "closed"].sort_values(
        ["completed_at", "sprint_id"], ascending=[False, True]
    )
    kept = closed.head(12).planning_accuracy_ratio.mean()
    told = section(site, "delivery", "sprints")
    assert english.percent(kept, 0) in told
    # The company's day, not that of UTC.
    last = closed.iloc[0]
    assert last.completed_at.date() != last.completed_on
    assert english.day(last.completed_on) in told and english.day(last.completed_at.date()) not in told

    cohorts = tables["metric.mart_metric__retention_cohorts"]
    cohorts = cohorts[~cohorts.is_start_of_recording]
    month = pd.to_datetime(cohorts.cohort_week_on).dt.to_period("M")
    first = cohorts[(month == month.min()) & (cohorts.period_number == 4)]
    returned = first.returned_person_count.sum() / first.person_count.sum()
    assert english.percent(returned, 0) in section(site, "metrics", "cohorts")


def test_a_week_that_not_all_of_a_month_have_reached_shows_no_share(site: Site, tables: Tables) -> None:
    cohorts = tables["metric.mart_metric__retention_cohorts"]
    month = pd.to_datetime(cohorts.cohort_week_on).dt.to_period("M")
    newest = cohorts[month == month.max()]
    row = re.search(r"<tr>\s*<td[^>]*>Oct 2026</td>.*?</tr>", section_html(site, "metrics", "cohorts"), re.S)
    assert newest.empty or row is None or "%" not in row[0]


def section_html(site: Site, page: str, key: str) -> str:
    found = re.search(rf'<section id="{key}".*?</section>', site.text(page), re.S)
    assert found is not None
    return found[0]


def test_pages_in_portuguese_hold_no_english_and_write_numbers_as_brazil_does(site: Site) -> None:
    text = site.text("pt/metrics")
    assert '<html lang="pt-BR">' in text and "Receita recorrente" in text
    assert re.search(r"US\$\xa0\d+,\d(\xa0mil|\d\xa0mi)", text)
    assert ">mai/25<" in text or ">jul/25<" in text or re.search(r">[a-z]{3}/\d\d<", text)
    for english in ("Recurring revenue", "in 4 weeks", "Weekly active", " of the ", "too few"):
        assert english not in text
    # Column descriptions are English, and say so to whoever reads them aloud.
    assert 'lang="en"' in site.text("pt/definitions")


def test_themes_count_an_account_once_and_are_named_in_the_language(site: Site) -> None:
    assert "Export of data 3 0 4 $70.0k" in section(site, "customers", "themes")
    assert "Exportação de dados 3 0 4 US$\xa070,0\xa0mil" in section(site, "pt/customers", "themes")


def test_themes_are_told_by_week_and_how_much_has_none(site: Site) -> None:
    told = section(site, "customers", "themes")
    assert "Accounts per week and theme, 10 weeks to 4 Oct 2026" in told
    assert re.search(r"Export of data( 7){10} 90 Slow pages( 3){10} 30", told)
    for folder in ("", "pt/"):
        assert re.search(
            r"(a rule of the taxonomy|uma regra da taxonomia) 80%", site.text(f"{folder}customers")
        )
        assert re.search(
            r"(a rule of the taxonomy|uma regra da taxonomia) 80%", site.text(f"{folder}product_review")
        )


def test_the_day_from_which_another_model_or_taxonomy_scores_is_marked_with_words(
    site: Site, tables: Tables, tmp_path: Path
) -> None:
    daily = tables["insight.mart_insight__theme_daily"]
    days = daily.loc[daily["scoring_change"].notna(), "date_on"].tolist()
    told = section(site, "customers", "themes")
    first, second = (f"{day.day} {day:%b %Y}" for day in days)
    assert f"A: since {first} another model gives the themes." in told
    assert f"B: since {second} the taxonomy has other rules, examples or themes." in told
    assert "what was published before may have told them otherwise" in told
    for folder in ("", "pt/"):
        drawn = section_html(site, f"{folder}customers", "themes")
        assert re.search(r">A</text>", drawn) and re.search(r">B</text>", drawn)
    assert "outro modelo atribui os temas" in section(site, "pt/customers", "themes")
    older = tables | {"insight.mart_insight__theme_daily": daily.drop(columns="scoring_change")}
    assert "another model gives" not in section(draw(tmp_path, older), "customers", "themes")


def test_opportunities_show_what_the_order_is_made_of_and_what_answers_them(site: Site) -> None:
    told = section(site, "customers", "opportunities")
    assert "“Export of data” stands first: 14 accounts with $14.0k ARR today asked for it" in told
    assert "5 in the 90 days before. One of the first 2 has no delivery." in told
    assert "Export of data Joana Prado 75 (100 · 50) 14 (5) 42 $14.0k $7,700 – $4,400 nothing" in told
    assert "Slow pages nobody 38 (50 · 25) 7 (5) 21 $7,000 – – $4,400 Audit log Released" in told
    # What nobody asks for is no opportunity.
    assert "Search" not in told
    assert "Exportação de dados" in section(site, "pt/customers", "opportunities")


def test_closed_loops_are_counted_per_delivery_and_name_whom_to_get_back_to(site: Site) -> None:
    told = section(site, "customers", "loop")
    assert "20 accounts had asked for what 2 deliveries of the twelve months to 4 Oct 2026 brought" in told
    assert "40 pairs of account and delivery: with 25% somebody has been in touch about it since" in told
    assert "20% still ask." in told
    # Use is told of what is measured, and a few are no share.
    assert "Of the 20 whose use is measured, 10 of 20 (too few for a share) use it." in told
    assert "20 5 10 4" in told and "20 5 not measured 4" in told
    assert "15 accounts that nobody has got back to" in told
    assert "old-one" not in told


def test_what_to_look_into_is_what_customers_raised_and_not_what_a_tool_wrote_on_tickets(
    site: Site, tables: Tables, tmp_path: Path
) -> None:
    told = section(site, "product_review", "next")
    assert "Look into “Export of data”" in told and "3 accounts ($70.0k ARR) raised it" in told
    untold = draw(tmp_path, {"insight.fct_feedback": tables["insight.fct_feedback"]})
    without_themes = untold.text("product_review")
    assert "raised it" not in without_themes


def test_use_of_an_experiment_says_to_how_many_it_was_given(site: Site) -> None:
    told = section(site, "metrics", "features")
    assert "Guided onboarding given to 48" in told and "Bulk export given" not in told
    assert "dada a 48" in section(site, "pt/metrics", "features")


def test_agreement_on_chosen_items_is_no_estimate_for_all_and_the_models_note_is_in_the_pages_language(
    site: Site,
) -> None:
    told = section(site, "customers", "quality")
    assert "Of 120 items that people chose to decide on, it says the same of 55%" in told
    assert "people decided on 40 items drawn at random, and it takes 100" in told
    assert "56%" not in told.split("Measure")[0]
    assert "The sentence encoder is not installed" in told
    portuguese = section(site, "pt/customers", "quality")
    assert "O codificador de frases não está instalado" in portuguese and "encoder" not in portuguese


def test_what_work_cost_is_told_or_what_would_tell_it(site: Site, tables: Tables, tmp_path: Path) -> None:
    spent = tables["delivery.mart_delivery__investment"]
    months = spent[(spent.team_id == "all") & spent.is_complete]
    last = months[months.month_start_on == months.month_start_on.max()]
    assert Formats(Texts("en").conventions(), "USD").money(last.cost_amount.sum()) in section(
        site, "delivery", "investment"
    )
    assert "$12.3k" in section(site, "product_review", "did")
    one_day_unknown = spent.assign(
        cost_amount=spent.cost_amount.where(
            (spent.month_start_on != last.month_start_on.iloc[0]) | (spent.work_kind != "bug")
        )
    )
    for costs, says in (
        (spent.assign(cost_amount=None), "Say what a day costs in day_rates.csv"),
        (one_day_unknown, "some of its days have no rate"),
    ):
        untold = draw(tmp_path / says[:3], {"delivery.mart_delivery__investment": costs})
        assert says in untold.text("delivery") and "of it: Deliveries" not in untold.text("delivery")


def test_support_is_told_by_theme_and_of_few_tickets_no_median(site: Site) -> None:
    for folder, export, unthemed, few in (
        ("", "Export of data", "Without a theme", "too few"),
        ("pt/", "Exportação de dados", "Sem tema", "poucos demais"),
    ):
        table = section(site, f"{folder}metrics", "support")
        assert export in table and unthemed in table and table.index(export) < table.index(unthemed)
        # The answers and the solutions about the search.
        assert table[table.index(export) :].count(few) == 2


def test_a_score_that_cannot_be_told_from_chance_says_so(site: Site) -> None:
    told = section(site, "customers", "health")
    assert "cannot yet be told from chance" in told and "7 left of 124" in told


def test_every_page_links_itself_in_the_other_language(site: Site) -> None:
    for name in NAMES:
        assert f'<a href="pt/{name}.html" lang="pt-BR" hreflang="pt-BR">Português</a>' in site.text(name)
        assert f'<a href="../{name}.html" lang="en" hreflang="en">English</a>' in site.text(f"pt/{name}")


def test_series_are_marked_with_releases_and_name_those_meant_to_move_them(site: Site) -> None:
    use = section(site, "metrics", "use")
    assert "Releases meant to move it: 1 Audit log" in use or "4 Guided onboarding" in use
    assert "A line says when, not why." in use
    assert "4 Guided onboarding" not in section(site, "metrics", "retention")
    assert re.search(r">4</text>", section_html(site, "metrics", "use"))


def test_headings_come_in_order_and_pictures_have_words(site: Site) -> None:
    for name in NAMES:
        seen = site.seen(name)
        levels = [int(tag[1]) for tag, _ in seen.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        for tag, attributes in seen.elements:
            if tag == "svg" and "chart" in attributes.get("class", ""):
                assert attributes["role"] == "img" and len(attributes["aria-label"]) > 10


def test_nothing_at_all_still_gives_pages_that_say_what_would_fill_them(tmp_path: Path) -> None:
    empty = draw(tmp_path, {}, ("pt",))
    assert empty.rendered.errors == {}
    assert "Vem da ferramenta de suporte (Zendesk, Intercom)" in empty.text("metrics")
    assert "decisions.yml" in empty.text("governance") and "Vem de " in empty.text("governance")
