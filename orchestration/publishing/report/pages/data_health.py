"""Data health: how old, how complete, what is held back, what fails."""

from __future__ import annotations

from typing import Any

from orchestration.publishing.report.page import Page, Part, Point, Points, Prose, Tile, Tiles
from orchestration.publishing.report.tables import Column, badge

_TABLE = "governance.mart_governance__data_health"


def build(page: Page) -> None:
    page.section("overview", [_TABLE], lambda: _overview(page))
    page.section("sources", [_TABLE], lambda: _sources(page), lead=page.t("sources.lead"))
    page.section("held_back", [], lambda: _held_back(page))
    page.section("tables", [_TABLE], lambda: _tables(page), lead=page.t("tables.lead"))


def _overview(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    row = page.published.row(
        "select count(*) filter (where subject_type = 'source') as sources,"
        " count(*) filter (where subject_type = 'source' and is_fresh) as fresh,"
        " coalesce(sum(failing_check_count), 0) as failing, coalesce(sum(failing_check_30d_count),"
        " 0) as failing_30d,"
        " coalesce(sum(rejected_row_count) filter (where subject_type = 'raw_table'), 0) as rejected,"
        f" coalesce(sum(schema_change_count), 0) as schema_changes from {_TABLE}"
    )
    held_back = len(page.published.publication.held_back())
    sentence = t(
        "overview.sentence",
        fresh=row["fresh"],
        total=row["sources"],
        held_back=formats.number(held_back),
        failing=formats.number(row["failing"]),
        moment=formats.moment(page.published.now),
    )
    return [
        Prose(sentence, is_lead=True),
        Tiles(
            [
                Tile(
                    t("overview.fresh"),
                    t("overview.of", n=row["fresh"], total=row["sources"]),
                    t("overview.fresh_detail"),
                    "good" if row["fresh"] == row["sources"] else "bad",
                    definition=page.column(f"{_TABLE}.is_fresh"),
                ),
                Tile(
                    t("overview.held_back"),
                    formats.number(held_back),
                    t("overview.held_back_detail"),
                    "bad" if held_back else "good",
                    definition=page.column(f"{_TABLE}.is_held_back"),
                ),
                Tile(
                    t("overview.failing"),
                    formats.number(row["failing"]),
                    t("overview.failing_detail", n=formats.number(row["failing_30d"])),
                    "bad" if row["failing"] else "good",
                    definition=page.column(f"{_TABLE}.failing_check_count"),
                ),
                Tile(
                    t("overview.rejected"),
                    formats.number(row["rejected"]),
                    t("overview.rejected_detail"),
                    definition=page.column(f"{_TABLE}.rejected_row_count"),
                ),
            ]
        ),
    ]


def _sources(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    rows = page.published.rows(
        f"select * from {_TABLE} where subject_type = 'source' order by is_fresh, subject"
    )
    columns = [
        Column(t("sources.source"), lambda row: row["subject"]),
        Column(t("sources.loaded"), lambda row: formats.moment(row["last_loaded_at"])),
        Column(
            t("sources.age"),
            lambda row: formats.hours(row["age_hours"]),
            is_number=True,
            definition=page.column(f"{_TABLE}.age_hours"),
        ),
        Column(
            t("sources.promise"),
            lambda row: formats.hours(row["freshness_promise_hours"]),
            is_number=True,
            definition=page.column(f"{_TABLE}.freshness_promise_hours"),
            is_wide_only=True,
        ),
        Column(t("sources.state"), lambda row: _fresh(page, row)),
    ]
    return [page.table("sources", columns, rows)]


def _fresh(page: Page, row: dict[str, Any]) -> Any:
    if row["is_fresh"] is None:
        return badge(page.t("sources.unknown"), "plain")
    return badge(
        page.t("sources.fresh" if row["is_fresh"] else "sources.old"), "good" if row["is_fresh"] else "bad"
    )


def _held_back(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    publication = page.published.publication
    points = [
        Point(
            table.full_name,
            t("held_back.since", since=formats.moment(table.since), reason=table.reason or ""),
        )
        for table in publication.held_back()
    ]
    points += [
        Point(table.full_name, t("held_back.left_out", reason=table.reason)) for table in publication.left_out
    ]
    if not points:
        return [Prose(t("held_back.none")), Prose(t("held_back.as_of"))]
    return [Prose(t("held_back.lead")), Points(points), Prose(t("held_back.as_of"))]


def _tables(page: Page) -> list[Part]:
    t, formats = page.t, page.formats
    parts: list[Part] = []
    by_source = page.published.rows(
        "select split_part(subject, '.', 1) as source, count(*) as tables, sum(row_count) as rows,"
        " max(last_loaded_at) as last_loaded_at, sum(failing_check_count) as failing_check_count,"
        " sum(rejected_row_count) as rejected_row_count, sum(schema_change_count) as schema_change_count"
        f" from {_TABLE} where subject_type = 'raw_table' group by 1 order by 1"
    )
    failing = Column(
        t("tables.failing"),
        lambda row: _count(page, row["failing_check_count"]),
        is_number=True,
        definition=page.column(f"{_TABLE}.failing_check_count"),
    )
    rejected = Column(
        t("tables.rejected"),
        lambda row: _count(page, row["rejected_row_count"]),
        is_number=True,
        definition=page.column(f"{_TABLE}.rejected_row_count"),
    )
    loaded = Column(t("tables.loaded"), lambda row: formats.moment(row["last_loaded_at"]), is_wide_only=True)
    changes = Column(
        t("tables.schema_changes"),
        lambda row: formats.number(row["schema_change_count"]),
        is_number=True,
        definition=page.column(f"{_TABLE}.schema_change_count"),
        is_wide_only=True,
    )
    if by_source:
        columns = [
            Column(t("tables.source"), lambda row: row["source"].removeprefix("raw_")),
            Column(
                t("tables.tables"),
                lambda row: formats.number(row["tables"]),
                is_number=True,
                definition=page.column(f"{_TABLE}.subject"),
                is_wide_only=True,
            ),
            Column(
                t("tables.rows"),
                lambda row: formats.number(row["rows"]),
                is_number=True,
                definition=page.column(f"{_TABLE}.row_count"),
            ),
            loaded,
            failing,
            rejected,
            changes,
        ]
        parts.append(page.table("raw", columns, by_source, title=t("tables.raw")))
    troubled = page.published.rows(
        f"select * from {_TABLE} where subject_type = 'raw_table' and coalesce(failing_check_count, 0)"
        " + coalesce(rejected_row_count, 0) + coalesce(schema_change_count, 0) > 0 order by subject"
    )
    name = Column(t("tables.table"), lambda row: row["subject"])
    rows = Column(
        t("tables.rows"),
        lambda row: formats.number(row["row_count"]),
        is_number=True,
        definition=page.column(f"{_TABLE}.row_count"),
    )
    if troubled:
        columns = [name, rows, loaded, failing, rejected, changes]
        parts.append(page.table("troubled", columns, troubled, title=t("tables.troubled")))
    marts = page.published.rows(
        f"select * from {_TABLE} where subject_type = 'mart'"
        " order by failing_check_count desc nulls last, subject"
    )
    if marts:
        parts.append(page.table("marts", [name, rows, loaded, failing], marts, title=t("tables.mart")))
    return parts


def _count(page: Page, count: int | None) -> Any:
    text = page.formats.number(count or 0)
    return badge(text, "bad") if count else text
